// Level 1: all matrices in a row, the backward pass below the forward pass.

// Names that fit above a column: ∂W¹ for ∂C/∂W¹.
const short = (key) => MATRICES[key].name.replace("∂C/∂", "∂").replace(/σ′\(z(.)\)/, "σ′$1");

function networkView(width, height) {
  // Columns of the picture: above, what goes forward; below, what comes back.
  const columns = [["X", ""]];
  for (let l = 1; l <= L; l++) {
    columns.push(["W" + l, "gW" + l]);
    if (batch.bias) columns.push(["b" + l, "gb" + l]);
    columns.push(["z" + l, "d" + l], ["a" + l, "s" + l in MATRICES ? "s" + l : ""]);
  }
  columns.push(["Y", "C"]);
  const GAP = 15, HEAD = 30, BETWEEN = 78;
  const tall = (k) => Math.max(...columns.map((c) => (c[k] ? extent(c[k], 1).height : 0)));
  // Labels need room, too: a bias of one column is as wide as its name.
  const LABEL = 40, room = (c, cell) => Math.max(extent(c[0], cell).width, c[1] ? extent(c[1], cell).width : 0, LABEL);
  const wide = (cell) => columns.reduce((sum, c) => sum + room(c, cell), 0);
  let cell = Math.min(38, (height - HEAD - BETWEEN - 40) / (tall(0) + tall(1)));
  while (cell > 2 && wide(cell) + GAP * (columns.length - 1) + 32 > width) cell -= 0.1;
  cell = Math.max(2, cell);
  const rest = Math.max(0, width - wide(cell) - 32);
  const gap = Math.max(GAP, Math.min(64, rest / (columns.length - 1)));
  const middle = HEAD + 12 + (tall(0) * cell) / 2, below = HEAD + tall(0) * cell + BETWEEN;
  let x = 16, body = "";
  for (const [up, down] of columns) {
    const own = extent(up, cell);
    const w = room([up, down], cell);
    body += drawn(up, { x: x + (w - own.width) / 2, y: middle - own.height / 2, cell, small: true });
    if (down && down !== "C") {
      const other = extent(down, cell);
      body += drawn(down, { x: x + (w - other.width) / 2, y: below, cell, small: true, title: short(down) });
    }
    if (down === "C") {
      body += drawn("C", { x, y: below, cell, small: true });
      if (isReady("C")) body += `<text x="${x + w}" y="${below + cell + 18}" font-size="13" text-anchor="end">mean ${digits(batch.mean_cost)}</text>`;
    }
    x += w + gap;
  }
  const end = x - gap + 16;
  body += `<text class="soft-text" x="16" y="16" font-size="13">forward →</text>`;
  body += `<text class="soft-text" x="${end - 16}" y="${below - 40}" font-size="13" text-anchor="end">← backward</text>`;
  body += `<line x1="16" x2="${end - 16}" y1="${below - 32}" y2="${below - 32}" stroke="${css("--line")}"/>`;
  return svg(end, below + tall(1) * cell + 24, "The network as matrices", body);
}
