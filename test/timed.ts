/** Options of a test that times something: others who share the machine can make a try slow, and what is slow itself is so each time. */
export const TIMED = { retry: 2 } as const;
