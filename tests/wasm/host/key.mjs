// Private keys of WebCrypto. Nothing here takes one out, so they need not be extractable.

/** What an algorithm of JWS is called here. A signature with ECDSA is r‖s already, as JWS has it. */
const ALGORITHMS = {
  ES256: { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
  EdDSA: { name: "Ed25519" },
  Ed25519: { name: "Ed25519" },
};

/** The setting `signing_key` for this key, with the name by which the server knows it. */
export function describe(key, key_id) {
  const { name, namedCurve } = key.algorithm;
  const algorithms = Object.keys(ALGORITHMS).filter((algorithm) => {
    const can = ALGORITHMS[algorithm];
    return can.name === name && can.namedCurve === namedCurve;
  });
  return { key_id, algorithms };
}

/** Signs what the function `unsigned` gave. */
export async function sign(key, { algorithm, input }) {
  const text = new TextEncoder().encode(input);
  return new Uint8Array(await crypto.subtle.sign(ALGORITHMS[algorithm], key, text));
}

/** The key in a PEM file, in PKCS#8. */
export async function fromPem(pem, algorithm) {
  const text = atob(pem.replace(/-----[^-]+-----/g, ""));
  const der = Uint8Array.from(text, (char) => char.charCodeAt(0));
  return crypto.subtle.importKey("pkcs8", der, ALGORITHMS[algorithm], false, ["sign"]);
}

/**
 * A new key that tokens can be bound to: `{ jwk, privateKey }`. The private half cannot be read, not even here; a browser
 * can keep the whole object in IndexedDB.
 */
export async function newDpopKey(algorithm = "ES256") {
  const pair = await crypto.subtle.generateKey(ALGORITHMS[algorithm], false, ["sign", "verify"]);
  const jwk = await crypto.subtle.exportKey("jwk", pair.publicKey);
  return { jwk, privateKey: pair.privateKey };
}
