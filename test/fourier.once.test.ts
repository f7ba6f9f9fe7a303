import { expect, test } from "vitest";
import { transform } from "../src/fourier.ts";
import { uniforms } from "./reference/budget.ts";
import { textbookTransform } from "./reference/fourier.ts";

// Two stages are taken at a time: numbers of stages that leave one over, and none; few, and as many as convolutions have.
test.each([0, 1, 2, 3, 4, 5, 11, 12, 13, 14, 15, 16])(
  "2^%i points have the bits of the textbook's transform",
  (bits) => {
    const uniform = uniforms(bits + 1);
    const [re, im] = [0, 1].map(() => Float64Array.from({ length: 2 ** bits }, uniform)) as [
      Float64Array,
      Float64Array,
    ];
    const [ownRe, ownIm] = [re.slice(), im.slice()];
    textbookTransform(re, im);
    transform({ re: ownRe, im: ownIm });
    expect(Buffer.compare(Buffer.from(ownRe.buffer), Buffer.from(re.buffer)), "real parts").toBe(0);
    expect(Buffer.compare(Buffer.from(ownIm.buffer), Buffer.from(im.buffer)), "imaginary parts").toBe(0);
  },
);

test("a wave has all of its mass at its own frequency", () => {
  const size = 2 ** 13;
  const [re, im] = [Math.cos, Math.sin].map((wave) =>
    Float64Array.from({ length: size }, (_, i) => wave((2 * Math.PI * 77 * i) / size)),
  ) as [Float64Array, Float64Array];
  transform({ re, im });
  const worst = re.reduce((most, value, k) => Math.max(most, Math.hypot(value - (k === 77 ? size : 0), im[k]!)), 0);
  expect(worst).toBeLessThan(1e-8);
});
