// A row of a simulation is known by its address, and what it holds by bytes from there that are constants: so reading a field is
// one instruction. Addresses come from the layout alone (src/simulation/memory.ts), or from rows that hold them; never from what
// is asked for. (Byte 64 costs two: the optimiser spells adding it as taking away -64, which takes a byte less, and does not see
// an offset in that.)

/** The address of no row. */
export const NO_ROW: u32 = 0;

export function f64Of(row: u32, field: u32): f64 {
  assert(row !== NO_ROW && ((row + field) & 7) === 0, "a row begins on a word");
  return load<f64>(row + field);
}

export function setF64(row: u32, field: u32, value: f64): void {
  assert(row !== NO_ROW && ((row + field) & 7) === 0, "a row begins on a word");
  store<f64>(row + field, value);
}

export function addF64(row: u32, field: u32, amount: f64): void {
  setF64(row, field, f64Of(row, field) + amount);
}

export function u32Of(row: u32, field: u32): u32 {
  assert(row !== NO_ROW && ((row + field) & 3) === 0, "a row begins on a word");
  return load<u32>(row + field);
}

export function setU32(row: u32, field: u32, value: u32): void {
  assert(row !== NO_ROW && ((row + field) & 3) === 0, "a row begins on a word");
  store<u32>(row + field, value);
}

/** Returns what it comes to. */
export function addU32(row: u32, field: u32, amount: u32): u32 {
  const sum = u32Of(row, field) + amount;
  setU32(row, field, sum);
  return sum;
}
