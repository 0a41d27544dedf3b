// One number as its formula: the terms that are summed, what is done with the sum, and the result.

function termsOf(key, i, j) {
  const kind = key.replace(/\d+$/, ""), l = Number(key.replace(/\D/g, "")) || 0;
  const name = (k, ...indices) => `${MATRICES[k].name}[${indices.map((x) => x + 1).join(",")}]`;
  const plain = (left, result, lines = []) => ({ left, terms: [], lines, result });
  const layer = batch.layers[l - 1];
  if (kind === "z") {
    const below = input(l), terms = [];
    for (let k = 0; k < MATRICES[below].rows; k++) {
      terms.push({ text: `${signed(at("W" + l, i, k))} × ${signed(at(below, k, j))}`, value: at("W" + l, i, k) * at(below, k, j), index: k });
    }
    if (batch.bias) terms.push({ text: "bias", value: at("b" + l, i, 0), index: -1 });
    return { left: `${name(key, i, j)} = Σ W${raised(l)}[${i + 1},k] · ${MATRICES[below].name}[k,${j + 1}]${batch.bias ? " + b" : ""}`, terms, lines: [], result: at(key, i, j) };
  }
  if (kind === "a") {
    return plain(`${name(key, i, j)} = ${layer.activation}(${name("z" + l, i, j)})`, at(key, i, j), [`${layer.activation}(${digits(at("z" + l, i, j))})`]);
  }
  if (kind === "d" || kind === "up") {
    const up = "up" + l, terms = [];
    if (!(up in MATRICES)) {
      return plain(`${name(key, i, j)} = a − y`, at(key, i, j), [`${digits(at("a" + l, i, j))} − ${signed(at("Y", i, j))}`]);
    }
    if (l < L) {
      for (let k = 0; k < MATRICES["d" + (l + 1)].rows; k++) {
        const w = at("W" + (l + 1), k, i), e = at("d" + (l + 1), k, j);
        terms.push({ text: `${signed(w)} × ${signed(e)}`, value: w * e, index: k });
      }
    }
    const sum = at(up, i, j), slope = at("s" + l, i, j);
    const from = l < L ? `Σ W${raised(l + 1)}[k,${i + 1}] · δ${raised(l + 1)}[k,${j + 1}]` : `∂C/∂a`;
    if (kind === "up") return { left: `${name(key, i, j)} = ${from}`, terms, lines: [], result: sum };
    return {
      left: `${name(key, i, j)} = (${from}) · σ′(z)`, terms, lines: [`${signed(sum)} × ${signed(slope)}`],
      note: isFlat(l, i, j) ? "Saturated: the slope is nearly 0, so this unit hardly learns from this sample." : "", result: at(key, i, j),
    };
  }
  if (kind === "gb" || kind === "gW" || kind === "loop") {
    const terms = [], n = samplesIn(key);
    for (let k = 0; k < n; k++) {
      const e = at("d" + l, i, k), a = kind === "gb" ? 1 : at(input(l), j, k);
      terms.push({ text: kind === "gb" ? `sample ${k + 1}` : `${signed(e)} × ${signed(a)}`, value: e * a, index: k });
    }
    const from = kind === "gb" ? `δ${raised(l)}[${i + 1},x]` : `δ${raised(l)}[${i + 1},x] · ${MATRICES[input(l)].name}[${j + 1},x]`;
    return { left: `${name(key, i, j)} = 1/${m} Σ ${from}`, terms, lines: [`sum ÷ ${m}`], result: now(key, i, j), inOrder: true };
  }
  if ((kind === "W" || kind === "b") && STEPS[state.step].id === "update") {
    const gradient = at("g" + kind + l, i, j), old = at(key, i, j);
    return plain(`${name(key, i, j)} → w − η ∂C/∂w`, old - batch.rate * gradient, [`${digits(old)} − ${digits(batch.rate)} × ${signed(gradient)}`]);
  }
  return plain(name(key, i, j), at(key, i, j));
}

// Whether a unit is saturated for a sample.
function isFlat(l, i, j) {
  return "s" + l in MATRICES && Math.abs(at("s" + l, i, j)) < batch.layers[l - 1].flat;
}
