/** Cooley and Tukey's transform stage by stage, as textbooks have it: the length is a power of two. */
export function textbookTransform(re: Float64Array, im: Float64Array): void {
  const size = re.length;
  const bits = Math.log2(size);
  const reversed = (i: number) => {
    let place = 0;
    for (let bit = 0; bit < bits; bit++) if (i & (1 << bit)) place |= 1 << (bits - 1 - bit);
    return place;
  };
  const [givenRe, givenIm] = [re.slice(), im.slice()];
  for (let i = 0; i < size; i++) {
    re[i] = givenRe[reversed(i)]!;
    im[i] = givenIm[reversed(i)]!;
  }
  for (let half = 1; half < size; half *= 2)
    for (let i = 0; i < size; i++) {
      if (i & half) continue;
      const angle = (-Math.PI * (i % half)) / half;
      const [wRe, wIm] = [Math.cos(angle), Math.sin(angle)];
      const oddRe = re[i + half]! * wRe - im[i + half]! * wIm;
      const oddIm = re[i + half]! * wIm + im[i + half]! * wRe;
      re[i + half] = re[i]! - oddRe;
      im[i + half] = im[i]! - oddIm;
      re[i]! += oddRe;
      im[i]! += oddIm;
    }
}
