/**
 * XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03): its nonces of 24 bytes may be random without ever being counted. By
 * `@noble/ciphers`, an optional peer, as WebCrypto is asynchronous and a transaction is not. It is imported with this room
 * and not when it is first used: a transaction cannot wait for it, and in a simulation nothing may wait for the real world.
 */
import { LockstepError } from '../kernel/errors.ts';
import type { Cipher } from '../machine/personal-code.ts';

const { xchacha20poly1305 } = await import('@noble/ciphers/chacha.js').catch((cause: unknown) => {
  throw new LockstepError('misuse', 'personal data is sealed by a package that is not installed', {
    cause,
    advice: ['npm install @noble/ciphers'],
  });
});

export const xchacha20: Cipher = Object.freeze<Cipher>({
  keyBytes: 32,
  nonceBytes: 24,
  seal: (key, nonce, bytes, about) => xchacha20poly1305(key, nonce, about).encrypt(bytes),
  open: (key, nonce, text, about) => {
    const cipher = xchacha20poly1305(key, nonce, about);
    try {
      return cipher.decrypt(text);
    } catch {
      return null; // the tag is not that of the text, or there is none
    }
  },
});
