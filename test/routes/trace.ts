/** A text as a file holds it. */
export const bytesOf = (text: string) => new TextEncoder().encode(text);

export async function gzip(content: string | Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const packed = new Blob([content]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}

/** Two layers of four experts, two each; a prefill of two tokens whose last layer only the second has; two tokens of decode. */
export const TRACE = `# route_trace v1
# model=x arch=y n_layer=2 n_expert=4 n_expert_used=2
# layer=0 expert_bytes=100 dense_bytes=7
# layer=1 expert_bytes=120 dense_bytes=7
turn,phase,step,layer,slot,expert,weight,residency,expert_bytes
0,0,0,0,0,3,0.75,0,100
0,0,0,0,1,1,0.25,0,100
0,0,1,0,0,0,0.5,0,100
0,0,1,0,1,3,0.5,1,0
0,0,1,1,0,2,1,0,120
0,1,2,0,0,1,0.5,1,0
0,1,2,0,1,2,0.5,0,100
0,1,2,1,0,2,0.5,1,0
0,1,2,1,1,3,0.5,0,120
0,1,3,0,0,0,0.5,1,0
0,1,3,0,1,1,0.5,1,0
0,1,3,1,0,3,0.5,1,0
0,1,3,1,1,0,0.5,0,120
`;
