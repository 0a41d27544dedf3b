// Level 3: one number, its formula filled with the numbers of the pass, and their sum.

const MOST_TERMS = 14;

function cellView(width) {
  const key = state.matrix, { row, column } = state, f = termsOf(key, row, column);
  const M = MATRICES[key], w = Math.min(width - 20, 860), LINE = 27;
  let y = 40, body = `<text x="20" y="${y}" font-size="23">${escaped(f.left)}</text>`;
  y += 20;
  if (!isReady(key)) {
    return svg(w, 150, M.name, body + `<text class="soft-text" x="20" y="${y + 30}" font-size="17">not computed yet: step on until ${escaped(M.name)}</text>`);
  }
  const bySize = [...f.terms].sort((p, q) => Math.abs(q.value) - Math.abs(p.value));
  const shown = f.inOrder ? f.terms : bySize.slice(0, MOST_TERMS), others = f.inOrder ? [] : bySize.slice(MOST_TERMS);
  const most = Math.max(...shown.map((t) => Math.abs(t.value)), 1e-300), axis = w - 170, reach = 140;
  if (shown.length && !f.inOrder && others.length) body += `<text class="soft-text" x="20" y="${y + 14}" font-size="13">${f.terms.length} terms, the largest first</text>`;
  y += 16;
  const line = (left, text, value) => {
    y += LINE;
    const length = Math.min(1, Math.abs(value) / most) * reach;
    body += `<text class="soft-text" x="20" y="${y}" font-size="14">${left}</text><text class="number term" x="${axis - 280}" y="${y}" font-size="15" text-anchor="end">${escaped(text)}</text>`
      + `<text class="number" x="${axis - 160}" y="${y}" font-size="15" text-anchor="end">${digits(value)}</text>`
      + `<rect x="${value < 0 ? axis - length : axis}" y="${y - 13}" width="${length}" height="16" fill="${css(value < 0 ? "--negative" : "--positive")}"/>`;
  };
  const top = y + 8;
  for (const t of shown) line(t.index < 0 ? "b" : `${f.inOrder ? "x" : "k"} = ${t.index + 1}`, t.text, t.value);
  if (others.length) line("", `… and ${others.length} smaller terms`, others.reduce((s, t) => s + t.value, 0));
  if (shown.length) body += `<line x1="${axis}" x2="${axis}" y1="${top}" y2="${y + 8}" stroke="${css("--soft")}"/>`;
  for (const text of f.lines) { y += LINE + 4; body += `<text class="number" x="20" y="${y}" font-size="16">${escaped(text)}</text>`; }
  y += LINE + 12;
  body += `<line x1="20" x2="${w - 20}" y1="${y - 26}" y2="${y - 26}" stroke="${css("--line")}"/>`
    + `<text class="number" id="result" x="20" y="${y}" font-size="23" font-weight="600">= ${digits(f.result)}</text>`;
  if (f.note) { y += 26; body += `<text x="20" y="${y}" font-size="15">${escaped(f.note)}</text>`; }
  return svg(w, y + 24, `${M.name}, row ${row + 1}, column ${column + 1}: ${digits(f.result)}`, body);
}
