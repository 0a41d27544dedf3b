// The film of the training: the cost, the first layer or the plane, and the samples still wrong.

let filmBytes = null;
const bytesOf = (matrix, form) => unpacked(matrix, form).numbers;

function filmView(width) {
  const frame = film.frames[state.frame], w = Math.max(560, Math.min(width - 20, 1180)), left = 330;
  let body = curve(10, 30, left - 40, 190);
  body += `<text x="10" y="268" font-size="17">epoch ${Number(frame.epoch.toFixed(2))}</text>`
    + `<text x="10" y="292" font-size="15">cost ${digits(frame.cost)}</text>`;
  const n = film.labels ? film.labels.length : 0;
  if (n) body += `<text x="10" y="314" font-size="15" id="wrong">${frame.wrong.length} of ${n} samples wrong</text>`;
  const picture = frame.plane ? plane(left, 30, 430) : weights(left, 30, w - left - 10);
  body += picture.body;
  let height = Math.max(340, 30 + picture.height + 16);
  if (film.images && n) {
    const wrong = wrongSamples(left, height + 12, w - left - 10);
    body += wrong.body;
    height += wrong.height + 20;
  }
  return svg(w, height, `The training at epoch ${frame.epoch}`, body);
}

function curve(x, y, width, height) {
  const frames = film.frames, last = frames.at(-1).epoch - frames[0].epoch || 1;
  const most = Math.max(...frames.map((f) => f.cost)) || 1;
  const px = (f) => x + 34 + ((f.epoch - frames[0].epoch) / last) * (width - 40), py = (f) => y + height - (f.cost / most) * height;
  const here = frames[state.frame];
  return `<text x="${x}" y="${y - 12}" font-size="15">cost of the samples followed</text>`
    + `<path d="M${x + 34} ${y}V${y + height}H${x + width}" fill="none" stroke="${css("--line")}"/>`
    + `<text class="soft-text" x="${x + 28}" y="${y + 8}" font-size="11" text-anchor="end">${Number(most.toPrecision(2))}</text><text class="soft-text" x="${x + 28}" y="${y + height}" font-size="11" text-anchor="end">0</text>`
    + `<path d="${frames.map((f, k) => `${k ? "L" : "M"}${px(f).toFixed(1)} ${py(f).toFixed(1)}`).join("")}" fill="none" stroke="${css("--accent")}" stroke-width="2"/>`
    + `<circle cx="${px(here)}" cy="${py(here)}" r="5" fill="${css("--accent")}"/>`;
}

// The weights of each unit of the first layer: as an image where samples are images, else as a row.
function weights(x, y, width) {
  const frame = film.frames[state.frame], W = unpacked(frame.W, "|i1");
  const side = film.side || 0, wide = side || Math.min(W.columns, MOST_COLUMNS), high = side || 1;
  const cell = Math.max(1, Math.min(side ? 9 : 20, 72 / high, width / wide - 1));
  const across = Math.max(1, Math.floor(width / (wide * cell + 10)));
  let body = `<text x="${x}" y="${y - 12}" font-size="15">weights of ${W.rows} of ${film.sizes[1]} units of layer 1</text>`;
  for (let i = 0; i < W.rows; i++) {
    const left = x + (i % across) * (wide * cell + 10), top = y + Math.floor(i / across) * (high * cell + 10);
    const paths = new Map();
    for (let k = 0; k < wide * high; k++) {
      const t = Math.round((SHADES * W.numbers[i * W.columns + k]) / 127);
      paths.set(t, (paths.get(t) ?? "") + `M${(left + (k % wide) * cell).toFixed(1)} ${(top + Math.floor(k / wide) * cell).toFixed(1)}h${cell}v${cell}h${-cell}z`);
    }
    body += [...paths].map(([t, d]) => `<path d="${d}" fill="${color(t)}"/>`).join("");
  }
  return { body, height: Math.ceil(W.rows / across) * (high * cell + 10) };
}

// Two inputs: what the network says of each point of the plane, with the samples.
const CLASSES = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#999999"];
function plane(x, y, width) {
  const frame = film.frames[state.frame], cells = bytesOf(frame.plane, "|u1"), n = film.grid, c = width / n;
  const points = unpacked(film.points, "<f4").numbers, [x0, x1, y0, y1] = film.box, one = film.sizes.at(-1) === 1;
  let body = `<text x="${x}" y="${y - 12}" font-size="15">decision of the network in the plane of its inputs</text>`;
  cells.forEach((v, k) => {
    const fill = one ? (v < 128 ? CLASSES[0] : CLASSES[1]) : CLASSES[v % 8];
    const strength = one ? 0.15 + 0.5 * Math.abs(v / 127.5 - 1) : 0.4;
    body += `<rect x="${x + (k % n) * c}" y="${y + width - (Math.floor(k / n) + 1) * c}" width="${c + 0.2}" height="${c + 0.2}" fill="${fill}" fill-opacity="${strength.toFixed(2)}"/>`;
  });
  const wrong = new Set(frame.wrong);
  for (let j = 0; j < points.length / 2; j++) {
    const px = x + ((points[2 * j] - x0) / (x1 - x0)) * width, py = y + width - ((points[2 * j + 1] - y0) / (y1 - y0)) * width;
    const fill = film.labels ? CLASSES[film.labels[j] % 8] : css("--soft");
    body += `<circle cx="${px.toFixed(1)}" cy="${py.toFixed(1)}" r="${wrong.has(j) && film.labels ? 7 : 4}" fill="${fill}" stroke="${css("--ink")}" stroke-width="${wrong.has(j) && film.labels ? 2.5 : 0.8}"/>`;
  }
  return { body, height: width };
}

function wrongSamples(x, y, width) {
  const frame = film.frames[state.frame], size = 44, across = Math.floor(width / (size + 10)), most = 2 * across;
  filmBytes ??= bytesOf(film.images, "|u1");
  const n = film.sizes[0], side = film.side, c = size / side, wrong = frame.wrong.slice(0, most);
  let body = `<text x="${x}" y="${y + 4}" font-size="15">wrong: label → what the network says${frame.wrong.length > most ? ` (${most} of ${frame.wrong.length})` : ""}</text>`;
  wrong.forEach((j, k) => {
    const left = x + (k % across) * (size + 10), top = y + 16 + Math.floor(k / across) * (size + 24);
    for (let p = 0; p < n; p++) {
      const v = filmBytes[j * n + p];
      if (v) body += `<rect x="${(left + (p % side) * c).toFixed(1)}" y="${(top + Math.floor(p / side) * c).toFixed(1)}" width="${c}" height="${c}" fill="${css("--ink")}" fill-opacity="${(v / 255).toFixed(2)}"/>`;
    }
    body += `<rect class="frame" x="${left}" y="${top}" width="${size}" height="${size}"/><text x="${left + size / 2}" y="${top + size + 14}" font-size="12" text-anchor="middle">${film.labels[j]} → ${frame.classes[j]}</text>`;
  });
  return { body, height: 20 + Math.ceil(wrong.length / Math.max(1, across)) * (size + 24) };
}
