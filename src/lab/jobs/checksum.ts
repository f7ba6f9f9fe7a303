/** FNV-1a over the 32-bit words of arrays, one after another: equal where all bits are. */
export class Checksum {
  #sum = 0x811c9dc5;

  add(words: Uint32Array): this {
    let sum = this.#sum;
    for (let i = 0; i < words.length; i++) sum = Math.imul(sum ^ words[i]!, 0x01000193);
    this.#sum = sum;
    return this;
  }

  /** The bits of floats. */
  addFloats(values: Float32Array): this {
    return this.add(new Uint32Array(values.buffer, values.byteOffset, values.length));
  }

  /** Of an object: its JSON. */
  addJson(value: unknown): this {
    return this.add(Uint32Array.from(new TextEncoder().encode(JSON.stringify(value))));
  }

  toString(): string {
    return (this.#sum >>> 0).toString(16).padStart(8, "0");
  }
}
