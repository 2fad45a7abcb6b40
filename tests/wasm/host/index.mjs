// What the package offers.

export { IndexedDbStore } from "./indexeddb.mjs";
export { fromPem, newDpopKey } from "./key.mjs";
export { load, OAuthError } from "./module.mjs";
export { OAuth } from "./oauth.mjs";
export { handOver, openPopup } from "./popup.mjs";
export { MemoryStore } from "./store.mjs";
