export function cacheRoot(): string;
export function node24(tell?: (line: string) => void): string;
