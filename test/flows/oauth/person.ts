/** A browser and the person in front of it, at the pages of oidc-provider: keeps cookies, follows, submits forms. */
export class Person {
  readonly #cookies = new Map<string, string>();

  /** Opens a URL, logs in and consents to whatever is asked. Returns the URL outside of the server, or a page. */
  async consent(url: string, server: string): Promise<string> {
    let response = await this.#request(url);
    for (let step = 0; step < 20; step += 1) {
      const location = response.headers.get('location');
      if (location !== null) {
        const next = new URL(location, url).href;
        if (!next.startsWith(server)) return next;
        response = await this.#request(next);
        continue;
      }
      const page = await response.text();
      const form = /<form[^>]*action="([^"]+)"/.exec(page)?.[1];
      if (form === undefined) return page;
      const fields = new URLSearchParams();
      for (const [input] of page.matchAll(/<input[^>]*>/g)) {
        const name = /name="([^"]+)"/.exec(input)?.[1];
        if (name !== undefined) fields.set(name, /value="([^"]*)"/.exec(input)?.[1] ?? 'somebody');
      }
      response = await this.#request(new URL(form, url).href, fields);
    }
    throw new Error('the pages lead nowhere');
  }

  async #request(url: string, form?: URLSearchParams): Promise<Response> {
    const response = await fetch(url, {
      method: form === undefined ? 'GET' : 'POST',
      headers: { cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(form !== undefined && { body: form }),
      redirect: 'manual',
    });
    for (const cookie of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie)!;
      if (value === '') this.#cookies.delete(name!);
      else this.#cookies.set(name!, value!);
    }
    return response;
  }
}
