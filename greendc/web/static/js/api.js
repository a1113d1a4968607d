// Requests to the API of this page's own host.

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** JSON of a path; a missing or outdated login leads to the form. */
export async function get(path, query = {}) {
  const answer = await fetch(`/api/v1/${path}?${new URLSearchParams(query)}`);
  if (answer.status === 401) {
    location.assign("/login");
    return new Promise(() => {}); // the page is going
  }
  if (!answer.ok) {
    const told = await answer.json().catch(() => ({ error: answer.statusText }));
    throw new Refused(answer.status, told.error ?? answer.statusText);
  }
  return answer.json();
}
