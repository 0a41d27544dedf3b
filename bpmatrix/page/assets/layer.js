// Level 2: the matrices of one step, large: what is multiplied with what.

// A scene is a list of operands: [key, options] or a sign between them; "/" begins a second row.
function sceneOf(key) {
  const kind = key.replace(/\d+$/, ""), l = Number(key.replace(/\D/g, "")) || 0;
  const bias = batch.bias ? ["+", ["b" + l]] : [];
  if (kind === "z") return [["W" + l, { row: true }], "·", [input(l), { column: true }], ...bias, "=", [key]];
  if (kind === "a") return [["z" + l, { same: true }], "σ →", [key]];
  if (kind === "d" || kind === "up" || kind === "s") {
    if (!("up" + l in MATRICES)) return [["a" + l, { same: true }], "−", ["Y", { same: true }], "=", ["d" + l]];
    const sum = l < L ? [["W" + (l + 1), { turn: true, column: "row" }], "·", ["d" + (l + 1), { column: true }], "→"] : [];
    return [...sum, ["up" + l, { same: true }], "⊙", ["s" + l, { same: true }], "=", ["d" + l]];
  }
  if (kind === "gb") return [["d" + l, { row: true }], "mean →", [key]];
  if (kind === "gW" || kind === "loop") {
    return [["d" + l, { row: true, part: true }], "·", [input(l), { turn: true, row: "column", part: true }], `÷ ${m} =`, ["gW" + l],
      "/", "loop +=", ["loop" + l, { outer: true }], `÷ ${m} =`, ["loop" + l]];
  }
  if (kind === "C") return [["a" + L, { column: true }], ",", ["Y", { column: true }], "→", ["C"]];
  if ((kind === "W" || kind === "b") && STEPS[state.step].id === "update") {
    return [[key, { same: true }], "− η", ["g" + kind + l, { same: true }]];
  }
  return [[key]];
}

// The outer product of the newest sample: what the book's loop adds now.
function outer(key) {
  const l = Number(key.slice(4)), k = Math.max(samplesIn(key), 1) - 1;
  return {
    value: (_, i, j) => (at("d" + l, i, k) * at(input(l), j, k)) / m, ready: isReady(key),
    title: `δ${raised(l)} ${l === 1 ? "Xᵀ" : `(a${raised(l - 1)})ᵀ`} of sample ${k + 1}`,
  };
}

function layerView(width, height) {
  const rows = [[]];
  for (const part of sceneOf(state.matrix)) part === "/" ? rows.push([]) : rows.at(-1).push(part);
  const SIGN = 66, HEAD = 46;
  const wide = (row) => row.reduce((sum, p) => sum + (Array.isArray(p) ? extent(p[0], 1, p[1]?.turn).width : 0), 0);
  const tall = (row) => Math.max(...row.map((p) => (Array.isArray(p) ? extent(p[0], 1, p[1]?.turn).height : 0)));
  const fixed = (row) => row.reduce((sum, p) => sum + (Array.isArray(p) ? 12 : SIGN), 40);
  const high = rows.reduce((sum, row) => sum + tall(row), 0);
  const cell = Math.max(3, Math.min(46, (height - rows.length * (HEAD + 30)) / high, ...rows.map((row) => (width - fixed(row)) / wide(row))));
  let y = HEAD, end = 0, body = "";
  for (const row of rows) {
    const middle = y + (tall(row) * cell) / 2;
    let x = 20;
    for (const part of row) {
      if (!Array.isArray(part)) {
        body += glyph(x + SIGN / 2, middle + 6, part, part.length > 2 ? 16 : 24);
        x += SIGN;
        continue;
      }
      const [k, o = {}] = part, own = extent(k, cell, o.turn), w = Math.max(own.width, 52);
      const place = { x: x + (w - own.width) / 2, y: middle - own.height / 2, cell, turn: o.turn };
      body += drawn(k, o.outer ? { ...place, ...outer(k) } : place) + guides(k, place, o);
      x += w;
    }
    y += tall(row) * cell + HEAD + 30;
    end = Math.max(end, x);
  }
  return svg(end + 20, y - HEAD, `${MATRICES[state.matrix].name}: what it is made of`, body);
}

// What takes part in the chosen cell, and the newest sample of (BP4).
function guides(k, place, o) {
  const index = { row: state.row, column: state.column };
  let text = "";
  if (o.row) text += guide(k, place, { row: index[o.row] ?? state.row });
  if (o.column) text += guide(k, place, { column: index[o.column] ?? state.column });
  if (o.same) text += guide(k, place, { row: state.row });
  if (o.part && samplesIn(state.matrix) > 0 && samplesIn(state.matrix) < m) text += guide(k, place, { column: samplesIn(state.matrix) - 1 });
  return text;
}
