/** The web's own `fetch`: what users' services, webhooks and HTTP participants call the outside world with. */
export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;
