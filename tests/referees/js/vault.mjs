// The unmodified @azure/keyvault-secrets, in lines of JSON. Instants travel as ISO 8601; a client is known by the number
// under which it was handed out.

import { load, serve } from "./lines.mjs";

const { ManagedIdentityCredential } = load("@azure/identity");
const { SecretClient } = load("@azure/keyvault-secrets");

const clients = [];

const instant = (text) => (text ? new Date(text) : undefined);

// As @azure/identity asks App Service's endpoint; that one remembers its first endpoint and its tokens for the whole
// process (`managed: true` takes it all the same).
const asking = ({ clientId, endpoint, header }) => ({
  getToken: async (scopes) => {
    const resource = String(scopes).replace(/\/\.default$/, "");
    const query = new URLSearchParams({ "api-version": "2019-08-01", resource, client_id: clientId });
    const answer = await fetch(`${endpoint}?${query}`, { headers: { "X-IDENTITY-HEADER": header } });
    if (!answer.ok) throw new Error(`no token: ${answer.status} ${await answer.text()}`);
    const { access_token, expires_on } = await answer.json();
    return { token: access_token, expiresOnTimestamp: 1000 * Number(expires_on) };
  },
});

function managed({ clientId, endpoint, header }) {
  process.env.IDENTITY_ENDPOINT = endpoint;
  process.env.IDENTITY_HEADER = header;
  return new ManagedIdentityCredential({ clientId });
}

const written = ({ contentType, tags, enabled, notBefore, expires }) => ({
  contentType,
  tags,
  enabled,
  notBefore: instant(notBefore),
  expiresOn: instant(expires),
});

function described(secret) {
  const properties = secret.properties ?? secret;
  return {
    name: secret.name,
    value: secret.value,
    version: properties.version,
    contentType: properties.contentType,
    tags: properties.tags ?? {},
    enabled: properties.enabled,
    notBefore: properties.notBefore,
    expires: properties.expiresOn,
    recoverableDays: properties.recoverableDays,
    recoveryLevel: properties.recoveryLevel,
    deleted: secret.deletedOn,
    purges: secret.scheduledPurgeDate,
  };
}

async function all(items) {
  const found = [];
  for await (const item of items) found.push(described(item));
  return found;
}

const operations = {
  connect: ({ url, apiVersion, retries, ...told }) => {
    const credential = told.managed ? managed(told) : asking(told);
    const options = {
      retryOptions: { maxRetries: retries, retryDelayInMs: 10 },
      // The stand-in has no name but its number, and a URL's number is normalised here (0.0.1 is read as 0.0.0.1):
      // no resource could be the end of 127.0.0.1. Python reads it as text, and verifies.
      disableChallengeResourceVerification: true,
      ...(apiVersion ? { serviceVersion: apiVersion } : {}),
    };
    return clients.push(new SecretClient(url, credential, options)) - 1;
  },
  set: async ({ client, name, value, ...told }) =>
    described(await clients[client].setSecret(name, value, written(told))),
  get: async ({ client, name, version }) => described(await clients[client].getSecret(name, { version })),
  update: async ({ client, name, version, ...told }) =>
    described(await clients[client].updateSecretProperties(name, version ?? "", written(told))),
  list: ({ client }) => all(clients[client].listPropertiesOfSecrets()),
  pages: async ({ client, size }) => {
    const pages = [];
    for await (const page of clients[client].listPropertiesOfSecrets().byPage({ maxPageSize: size })) {
      pages.push(page.map((item) => item.name));
    }
    return pages;
  },
  versions: ({ client, name }) => all(clients[client].listPropertiesOfSecretVersions(name)),
  delete: async ({ client, name }) => {
    const poller = await clients[client].beginDeleteSecret(name, { intervalInMs: 100 });
    return described(await poller.pollUntilDone());
  },
  getDeleted: async ({ client, name }) => described(await clients[client].getDeletedSecret(name)),
  listDeleted: ({ client }) => all(clients[client].listDeletedSecrets()),
  recover: async ({ client, name }) => {
    const poller = await clients[client].beginRecoverDeletedSecret(name, { intervalInMs: 100 });
    return described(await poller.pollUntilDone());
  },
  purge: ({ client, name }) => clients[client].purgeDeletedSecret(name),
};

// A listing's error has no `details`: the inner code is not to be had from it.
serve(operations, (error) => ({
  code: error.code,
  status: error.statusCode,
  inner: error.details?.error?.innerError?.code,
}));
