// Inside, time is nanoseconds, size is bytes and rate is bytes per nanosecond. Other units are met only at the door.

export const nsFromUs = (us: number): number => us * 1e3;
export const usFromNs = (ns: number): number => ns / 1e3;
export const nsFromMs = (ms: number): number => ms * 1e6;
export const nsFromHours = (hours: number): number => hours * 3.6e12;
/** 800 Gb/s is 100 bytes a nanosecond. */
export const bytesPerNsFromGbps = (gbps: number): number => gbps / 8;
/** A megabyte here is 10^6 bytes. */
export const bytesFromMegabytes = (megabytes: number): number => megabytes * 1e6;
