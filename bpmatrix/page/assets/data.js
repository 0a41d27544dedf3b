// The numbers of the file: base64 becomes typed arrays; nothing is computed here.

const data = JSON.parse(document.getElementById("data").textContent);
const TYPES = { "<f8": Float64Array, "<f4": Float32Array, "|i1": Int8Array, "|u1": Uint8Array };
const batch = data.pass, film = data.film, L = batch.layers.length, m = batch.m;

function unpacked(matrix, form) {
  const bytes = Uint8Array.from(atob(matrix.data), (letter) => letter.charCodeAt(0));
  const numbers = new TYPES[form](bytes.buffer);
  return { rows: matrix.shape[0], columns: matrix.shape[1], numbers };
}

// Superscripts and subscripts as in the book: W¹, δ².
const raised = (l) => String(l).replace(/\d/g, (digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]);

// Matrices by name: "X", "W1", "z1", ..., "d2" (delta), "up2" and "s2" (its two factors), "gW2".
const MATRICES = {};
const NAMES = {
  W: "W", b: "b", z: "z", a: "a", d: "δ", gb: "∂C/∂b", gW: "∂C/∂W", loop: "∂C/∂W",
  s: "σ′(z)", up: "error",
};
const add = (key, name, what, matrix) => {
  MATRICES[key] = { key, name, what, ...unpacked(matrix, batch.form) };
};
const MEANING = {
  W: "weights", b: "biases", z: "weighted inputs", a: "activations", d: "errors",
  gb: "gradient for the biases", gW: "gradient for the weights", loop: "the book's loop",
  s: "slopes", up: "what comes from above",
};

add("X", "X", "inputs", batch.X);
add("Y", "Y", "targets", batch.Y);
add("C", "C", "cost of each sample", batch.C);
batch.layers.forEach((layer, k) => {
  for (const [kind, matrix] of Object.entries(layer.matrices)) {
    const l = k + 1;
    let name = NAMES[kind] + raised(l);
    if (kind === "s") name = `σ′(z${raised(l)})`;
    if (kind === "up") name = l === L ? "∂C/∂a" + raised(l) : `(W${raised(l + 1)})ᵀ δ${raised(l + 1)}`;
    if (kind === "loop") name = `loop: ∂C/∂W${raised(l)}`;
    add(kind + l, name, `${MEANING[kind]} of layer ${l}`, matrix);
  }
});
const at = (key, i, j) => MATRICES[key].numbers[i * MATRICES[key].columns + j];
const input = (l) => (l === 1 ? "X" : "a" + (l - 1)); // a of the layer below

// Four decimals; powers of ten for what they would hide.
function digits(x) {
  if (x === 0) return "0";
  const size = Math.abs(x);
  const text = size >= 1e-3 && size < 1e4 ? size.toFixed(4) : size.toExponential(2);
  return (x < 0 ? "−" : "") + text.replace("e-", "e−").replace("e+", "e");
}
const signed = (x) => (x < 0 ? `(${digits(x)})` : digits(x));
const escaped = (text) => String(text).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
