-- SPDX-License-Identifier: Apache-2.0
-- The authorization server: who may come in, by which application, and what was granted. Secrets,
-- codes, tokens and cookies are kept as SHA-256 digests, passwords as bcrypt; signing keys are in clear,
-- readable by the server's role and the owner.

-- Applications.
CREATE TABLE fhir_client (
    id text COLLATE "C" PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 2048),
    name text NOT NULL CHECK (name <> ''),
    auth text NOT NULL CHECK (auth IN ('none', 'client_secret', 'private_key_jwt')),
    grants text[] NOT NULL DEFAULT '{authorization_code}', -- client_credentials, launch, introspect
    redirect_uris text[] NOT NULL DEFAULT '{}',
    origins text[] NOT NULL DEFAULT '{}', -- besides those of redirect_uris, for CORS
    launch_uri text,
    logo_uri text,
    home_uri text,
    policy_uri text,
    jwks text,     -- a key set as JSON
    jwks_uri text, -- or where it is
    scopes text NOT NULL DEFAULT '', -- the most it may ask for; '': anything
    native boolean NOT NULL DEFAULT false, -- any port of a loopback redirect URI
    created timestamptz NOT NULL DEFAULT now(),
    disabled timestamptz
);

-- Secrets of applications: two are valid while one replaces the other.
CREATE TABLE fhir_client_secret (
    client text COLLATE "C" NOT NULL REFERENCES fhir_client ON DELETE CASCADE,
    digest bytea NOT NULL,
    created timestamptz NOT NULL DEFAULT now(),
    expires timestamptz,
    PRIMARY KEY (client, digest)
);

-- Key sets that were fetched from jwks_uri.
CREATE TABLE fhir_client_jwks (
    client text COLLATE "C" PRIMARY KEY REFERENCES fhir_client ON DELETE CASCADE,
    uri text NOT NULL,
    jwks text NOT NULL,
    fetched timestamptz NOT NULL DEFAULT now(),
    expires timestamptz NOT NULL
);

-- What the practice decided about an application.
CREATE TABLE fhir_licence (
    client text COLLATE "C" PRIMARY KEY REFERENCES fhir_client ON DELETE CASCADE,
    state text NOT NULL CHECK (state IN ('asked', 'given', 'refused', 'withdrawn')),
    scopes text NOT NULL DEFAULT '', -- the most it gets; '': anything
    staff boolean NOT NULL DEFAULT true,        -- may be used by staff,
    patients boolean NOT NULL DEFAULT true,     -- by patients,
    system boolean NOT NULL DEFAULT true,       -- without a user
    secret_grant boolean NOT NULL DEFAULT false, -- client_credentials with a secret
    access_sec integer NOT NULL DEFAULT 3600 CHECK (access_sec BETWEEN 30 AND 86400),
    system_sec integer NOT NULL DEFAULT 300 CHECK (system_sec BETWEEN 30 AND 86400),
    refresh_sec integer NOT NULL DEFAULT 15552000 CHECK (refresh_sec BETWEEN 60 AND 315360000),
    changed timestamptz NOT NULL DEFAULT now(),
    changed_by text
);

-- People who sign in.
CREATE TABLE fhir_user (
    id text COLLATE "C" PRIMARY KEY,          -- `sub` of tokens; never given to another
    name text COLLATE "C" NOT NULL UNIQUE,    -- what is typed at sign-in, lower case
    display text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('staff', 'patient', 'admin', 'developer')),
    password text,                            -- bcrypt; NULL: another provider's
    must_change boolean NOT NULL DEFAULT false,
    fhir_user text COLLATE "C",               -- Practitioner/…, Patient/…, RelatedPerson/…
    totp bytea,                               -- secret of the second factor
    totp_last bigint NOT NULL DEFAULT 0,      -- the step that was used last: each once
    created timestamptz NOT NULL DEFAULT now(),
    expires timestamptz,
    disabled timestamptz
);

-- Failed attempts, by account ("u:name"), address ("a:…"), application ("c:id").
CREATE TABLE fhir_attempt (
    key text COLLATE "C" PRIMARY KEY,
    failures integer NOT NULL,
    last timestamptz NOT NULL DEFAULT now()
);

-- Browsers that are signed in, by the digest of their cookie.
CREATE TABLE fhir_session (
    digest bytea PRIMARY KEY,
    user_id text COLLATE "C" NOT NULL REFERENCES fhir_user ON DELETE CASCADE,
    place text NOT NULL,                      -- path of the endpoint it is for
    signed_in timestamptz NOT NULL DEFAULT now(),
    seen timestamptz NOT NULL DEFAULT now(),
    factor boolean NOT NULL,                  -- the second one was given, or is not asked for
    ended timestamptz
);

-- What the product says of the patient and the work in front of its user.
CREATE TABLE fhir_launch (
    digest bytea PRIMARY KEY,
    client text COLLATE "C" NOT NULL REFERENCES fhir_client ON DELETE CASCADE,
    user_id text COLLATE "C" REFERENCES fhir_user ON DELETE CASCADE, -- NULL: whoever signs in
    patient text COLLATE "C",
    encounter text COLLATE "C",
    context text NOT NULL DEFAULT '{}', -- members that go into the token's answer, as JSON
    created timestamptz NOT NULL DEFAULT now(),
    expires timestamptz NOT NULL,
    used timestamptz
);

-- What was granted: to an application, by a person or for itself.
CREATE TABLE fhir_authorization (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    client text COLLATE "C" NOT NULL REFERENCES fhir_client ON DELETE CASCADE,
    user_id text COLLATE "C" REFERENCES fhir_user ON DELETE CASCADE, -- NULL: the application itself
    place text NOT NULL, -- path of the endpoint: a token is worth nothing elsewhere
    issuer text NOT NULL,
    scopes text NOT NULL,
    patient text COLLATE "C",
    encounter text COLLATE "C",
    context text NOT NULL DEFAULT '{}',
    nonce text,
    refresh text NOT NULL DEFAULT '' CHECK (refresh IN ('', 'offline', 'online')),
    session bytea, -- refresh 'online': ends with it
    signed_in timestamptz,
    created timestamptz NOT NULL DEFAULT now(),
    used timestamptz NOT NULL DEFAULT now(),
    expires timestamptz, -- as the person limited it
    revoked timestamptz,
    revoked_by text
);
CREATE INDEX ON fhir_authorization (user_id) WHERE revoked IS NULL;
CREATE INDEX ON fhir_authorization (client);

CREATE TABLE fhir_code (
    digest bytea PRIMARY KEY,
    authorization_id bigint NOT NULL REFERENCES fhir_authorization ON DELETE CASCADE,
    redirect_uri text NOT NULL,
    challenge text, -- PKCE, S256
    expires timestamptz NOT NULL,
    redeemed timestamptz
);

CREATE TABLE fhir_token (
    digest bytea PRIMARY KEY,
    authorization_id bigint NOT NULL REFERENCES fhir_authorization ON DELETE CASCADE,
    kind text NOT NULL CHECK (kind IN ('access', 'refresh')),
    scopes text NOT NULL,
    created timestamptz NOT NULL DEFAULT now(),
    expires timestamptz NOT NULL,
    replaced timestamptz, -- a refresh token: by its successor
    revoked timestamptz,
    revoked_by text
);
CREATE INDEX ON fhir_token (authorization_id);
CREATE INDEX ON fhir_token (expires);

-- Assertions that were used, until they are past their time.
CREATE TABLE fhir_assertion (
    digest bytea PRIMARY KEY, -- of client and jti
    expires timestamptz NOT NULL
);

-- Keys that sign id_tokens. The newest that is active signs; all that are not removed verify.
CREATE TABLE fhir_signing_key (
    kid text COLLATE "C" PRIMARY KEY,
    alg text NOT NULL CHECK (alg IN ('RS256', 'RS384', 'ES256', 'ES384')),
    private text NOT NULL, -- PEM
    jwk text NOT NULL,     -- the public half
    created timestamptz NOT NULL DEFAULT now(),
    active timestamptz NOT NULL DEFAULT now(), -- signs from then on
    retired timestamptz                        -- signs until then
);

-- What was refused, for whoever asks why; the newest of some days.
CREATE TABLE fhir_refusal (
    request text COLLATE "C" PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    client text COLLATE "C" NOT NULL,
    route text NOT NULL,
    error text NOT NULL,
    description text NOT NULL
);
CREATE INDEX ON fhir_refusal (client, at);

-- ---- revocations reach every node ----
-- Channel fhir_auth: 'tenant:64 hexadecimal digits' (a token) or 'tenant:*' (anything may have changed).
-- Triggers, so that a change by SQL is heard as well.

CREATE FUNCTION fhir_auth_tell_tokens() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(*) FROM (SELECT FROM gone WHERE kind = 'access' LIMIT 101) g) > 100 THEN
        PERFORM pg_notify('fhir_auth', TG_TABLE_SCHEMA || ':*');
    ELSE
        PERFORM pg_notify('fhir_auth', TG_TABLE_SCHEMA || ':' || encode(digest, 'hex'))
           FROM gone WHERE kind = 'access' AND expires > now();
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER fhir_token_changed AFTER UPDATE ON fhir_token
    REFERENCING NEW TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION fhir_auth_tell_tokens();
CREATE TRIGGER fhir_token_deleted AFTER DELETE ON fhir_token
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION fhir_auth_tell_tokens();

CREATE FUNCTION fhir_auth_tell_authorization() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SELECT pg_notify(''fhir_auth'', %L || '':'' || encode(digest, ''hex'')) FROM '
                   '%I.fhir_token WHERE authorization_id = $1 AND kind = ''access'' AND expires > now()',
                   TG_TABLE_SCHEMA, TG_TABLE_SCHEMA) USING NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER fhir_authorization_changed
    AFTER UPDATE OF scopes, patient, expires, revoked ON fhir_authorization
    FOR EACH ROW EXECUTE FUNCTION fhir_auth_tell_authorization();

CREATE FUNCTION fhir_auth_tell_all() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('fhir_auth', TG_TABLE_SCHEMA || ':*');
    RETURN NULL;
END $$;
CREATE TRIGGER fhir_licence_changed AFTER UPDATE OR DELETE ON fhir_licence
    FOR EACH STATEMENT EXECUTE FUNCTION fhir_auth_tell_all();
CREATE TRIGGER fhir_client_changed AFTER UPDATE OF disabled OR DELETE ON fhir_client
    FOR EACH STATEMENT EXECUTE FUNCTION fhir_auth_tell_all();
CREATE TRIGGER fhir_user_changed AFTER UPDATE OF disabled, expires, kind, fhir_user OR DELETE ON fhir_user
    FOR EACH STATEMENT EXECUTE FUNCTION fhir_auth_tell_all();
