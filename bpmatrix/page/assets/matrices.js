// A matrix as a heat map in SVG: one path for each color; blue is negative, orange positive.

const SHADES = 12, MOST_ROWS = 64, MOST_COLUMNS = 64;

// Colors as numbers, so that an exported picture needs no style sheet.
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const rgb = (hex) => [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16));
function shade(t) { // t from -1 to 1
  const from = rgb(css("--zero")), to = rgb(css(t < 0 ? "--negative" : "--positive"));
  return "#" + from.map((c, k) => Math.round(c + (to[k] - c) * Math.abs(t)).toString(16).padStart(2, "0")).join("");
}
let palette = new Map();
const color = (k) => palette.get(k) ?? palette.set(k, shade(k / SHADES)).get(k);

// Rows or columns that are drawn: all, or the middle of a wide layer.
function range(n, most) {
  const length = Math.min(n, most), first = Math.floor((n - length) / 2);
  return { first, length, left: n - length };
}
const rowsOf = (M) => range(M.rows, MOST_ROWS);
const columnsOf = (M) => range(M.columns, MOST_COLUMNS);

// The size of a matrix on the page, turned if `turn`.
function extent(key, cell, turn = false) {
  const r = rowsOf(MATRICES[key]).length * cell, c = columnsOf(MATRICES[key]).length * cell;
  return turn ? { width: r, height: c } : { width: c, height: r };
}

// The largest number of a matrix; beyond, its color changes no more.
const largest = new Map();
function scaleOf(key) {
  if (!largest.has(key)) {
    const shared = key.startsWith("loop") ? "gW" + key.slice(4) : key;
    largest.set(key, MATRICES[shared].numbers.reduce((most, x) => Math.max(most, Math.abs(x)), 0) || 1);
  }
  return largest.get(key);
}

// Options: x, y, cell; turn: transposed; value(i, j): other numbers; title; numbers: written into the cells.
function drawn(key, { x, y, cell, turn = false, value = now, title, ready = isReady(key), small = false }) {
  const M = MATRICES[key], R = rowsOf(M), C = columnsOf(M), { width, height } = extent(key, cell, turn);
  const shape = turn ? `${M.columns}×${M.rows}` : `${M.rows}×${M.columns}`;
  const name = title ?? (!turn ? M.name : key === "X" ? "Xᵀ" : `(${M.name})ᵀ`);
  const scale = scaleOf(key), paths = new Map(), texts = [];
  const place = (i, j) => (turn ? [x + i * cell, y + j * cell] : [x + j * cell, y + i * cell]);
  if (ready) {
    for (let i = 0; i < R.length; i++) {
      for (let j = 0; j < C.length; j++) {
        const number = value(key, R.first + i, C.first + j), [px, py] = place(i, j);
        const k = Math.round(SHADES * Math.max(-1, Math.min(1, number / scale)));
        paths.set(k, (paths.get(k) ?? "") + `M${px.toFixed(2)} ${py.toFixed(2)}h${cell}v${cell}h${-cell}z`);
        if (cell >= 34) {
          const fill = Math.abs(k) > 8 ? css("--card") : css("--ink");
          const short = Math.abs(number) < 10 ? number.toFixed(2) : number.toPrecision(3);
          texts.push(`<text class="number" x="${px + cell / 2}" y="${py + cell / 2 + cell * 0.1}" font-size="${Math.min(13, cell * 0.28)}" text-anchor="middle" style="fill:${fill}">${short.replace("-", "−")}</text>`);
        }
      }
    }
  }
  const body = [...paths].map(([k, d]) => `<path d="${d}" fill="${color(k)}"/>`).join("") + texts.join("");
  const isNow = STEPS[state.step].key === key || (key.startsWith("loop") && STEPS[state.step].key === "gW" + key.slice(4));
  const left = [R.left && `${R.left} more rows`, C.left && `${C.left} more columns`].filter(Boolean).join(", ");
  const said = `${M.name}, ${M.what}, ${M.rows} rows, ${M.columns} columns` + (ready ? "" : ", not computed yet") + (left ? `, ${left} are not drawn` : "");
  const size = small ? 13 : 16;
  const label = `<text x="${x + width / 2}" y="${y - 7}" font-size="${size}" text-anchor="middle">${escaped(name)} <tspan class="soft-text" font-size="${size - 3}">${shape}</tspan></text>`;
  const more = left ? `<text class="soft-text" x="${x + width / 2}" y="${y + height + 14}" font-size="11" text-anchor="middle">… ${left}</text>` : "";
  return `<g class="matrix" data-key="${key}" data-cell="${cell}" data-x="${x}" data-y="${y}" data-turn="${turn ? 1 : ""}" tabindex="0" role="button" aria-label="${escaped(said)}">`
    + `<rect x="${x}" y="${y}" width="${width}" height="${height}" fill="transparent"/>${body}`
    + `<rect class="${ready ? "frame" + (isNow ? " now" : "") : "empty"}" x="${x}" y="${y}" width="${width}" height="${height}"/>`
    + marks(key, x, y, cell, turn, ready) + label + more + "</g>";
}

// The chosen sample, the chosen cell, and saturated units.
function marks(key, x, y, cell, turn, ready) {
  const M = MATRICES[key], R = rowsOf(M), C = columnsOf(M), { width, height } = extent(key, cell, turn);
  let text = "";
  const perSample = M.columns === m && !/^(W|b|gW|gb|loop)/.test(key);
  const j = state.sample - C.first;
  if (perSample && state.sample >= 0 && j >= 0 && j < C.length) {
    text += turn
      ? `<rect class="column" x="${x}" y="${y + j * cell}" width="${width}" height="${cell}"/>`
      : `<rect class="column" x="${x + j * cell}" y="${y}" width="${cell}" height="${height}"/>`;
  }
  if (ready && /^[sd]\d/.test(key)) {
    const l = Number(key.slice(1));
    for (let i = 0; i < R.length; i++) {
      for (let k = 0; k < C.length; k++) {
        if (isFlat(l, R.first + i, C.first + k)) {
          const [px, py] = turn ? [x + i * cell, y + k * cell] : [x + k * cell, y + i * cell];
          text += `<path class="flat" d="M${px + cell * 0.12} ${py + cell * 0.88}l${cell * 0.26} ${-cell * 0.26}"/>`;
        }
      }
    }
  }
  if (state.matrix === key && state.level > 1) {
    const r = state.row - R.first, c = state.column - C.first;
    if (r >= 0 && r < R.length && c >= 0 && c < C.length) {
      const [px, py] = turn ? [x + r * cell, y + c * cell] : [x + c * cell, y + r * cell];
      text += `<rect class="cell" x="${px}" y="${py}" width="${cell}" height="${cell}"/>`;
    }
  }
  return text;
}

// A row or column that takes part in the chosen cell.
function guide(key, { x, y, cell, turn = false }, { row, column }) {
  const { width, height } = extent(key, cell, turn), M = MATRICES[key];
  const isRow = row !== undefined;
  const k = isRow ? row - rowsOf(M).first : column - columnsOf(M).first;
  if (k < 0 || k >= (isRow ? rowsOf(M) : columnsOf(M)).length) return "";
  return isRow !== turn
    ? `<rect class="guide" x="${x}" y="${y + k * cell}" width="${width}" height="${cell}"/>`
    : `<rect class="guide" x="${x + k * cell}" y="${y}" width="${cell}" height="${height}"/>`;
}

function svg(width, height, title, body) {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${Math.ceil(width)}" height="${Math.ceil(height)}" viewBox="0 0 ${Math.ceil(width)} ${Math.ceil(height)}" role="group" aria-label="${escaped(title)}"><title>${escaped(title)}</title>${body}</svg>`;
}
const glyph = (x, y, text, size = 20) => `<text class="soft-text" x="${x}" y="${y}" font-size="${size}" text-anchor="middle">${text}</text>`;

// One sample as an image: dark is a large input.
function image(numbers, side, width, label) {
  const most = numbers.reduce((a, b) => Math.max(a, Math.abs(b)), 0) || 1, c = width / side;
  let body = "";
  numbers.forEach((v, k) => {
    if (v) body += `<rect x="${(k % side) * c}" y="${Math.floor(k / side) * c}" width="${c + 0.05}" height="${c + 0.05}" fill="currentColor" fill-opacity="${(Math.abs(v) / most).toFixed(2)}"/>`;
  });
  return `<svg width="${width}" height="${width}" viewBox="0 0 ${width} ${width}" role="img" aria-label="${escaped(label)}"><rect class="frame" width="${width}" height="${width}"/>${body}</svg>`;
}
