/**
 * The server writes one nonce per page. Mantine asks for it through `getStyleNonce`; the scroll lock
 * behind Drawer and Modal reads only `__webpack_nonce__`, which must be there before the first render.
 */
export function styleNonce(): string {
  return document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? '';
}

export function installNonce(): void {
  (globalThis as { __webpack_nonce__?: string }).__webpack_nonce__ = styleNonce();
}
