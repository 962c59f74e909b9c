/**
 * A random UUID, version 4 (RFC 9562), of 120 random bits. `crypto.randomUUID` is for secure pages alone.
 * @returns {string}
 */
export function uuid() {
  const bytes = [...crypto.getRandomValues(new Uint8Array(16))];
  const digits = bytes.map((byte) => (byte + 256).toString(16).slice(1)).join('');
  return digits.replace(/(.{8})(.{4}).(.{3}).(.{3})/, '$1-$2-4$3-a$4-');
}
