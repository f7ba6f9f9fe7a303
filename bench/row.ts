/** One line of a bench: `value` in `unit`, and how many times better than `peer` it is. */
export interface Row {
  room: string;
  row: string;
  value: number;
  unit: string;
  peer: string | null;
  ratio: number | null;
  checksum: number | null;
}
