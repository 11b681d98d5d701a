-- SPDX-License-Identifier: Apache-2.0
-- Applications that register by protocol (RFC 7591, RFC 7592), how each application is used from day to day, and what
-- of a refused request was wrong, by its parts.

-- Initial access tokens: who has one may register applications, for the developer it was made by.
CREATE TABLE fhir_registration_token (
    digest bytea PRIMARY KEY,
    label text NOT NULL DEFAULT '',
    owner text COLLATE "C" REFERENCES fhir_user ON DELETE CASCADE, -- NULL: made by fhirctl for nobody
    environment text NOT NULL DEFAULT 'production' CHECK (environment IN ('test', 'production')),
    created timestamptz NOT NULL DEFAULT now(),
    expires timestamptz NOT NULL,
    uses_left integer NOT NULL CHECK (uses_left >= 0)
);
CREATE INDEX ON fhir_registration_token (owner);

-- Issuers of software statements that the practice approves, with their public keys.
CREATE TABLE fhir_software_issuer (
    issuer text COLLATE "C" PRIMARY KEY,
    jwks text NOT NULL,
    created timestamptz NOT NULL DEFAULT now()
);

-- What a registration has besides its application.
CREATE TABLE fhir_registration (
    client text COLLATE "C" PRIMARY KEY REFERENCES fhir_client ON DELETE CASCADE,
    digest bytea NOT NULL, -- of its registration access token
    auth_method text NOT NULL, -- token_endpoint_auth_method as registered
    contacts text[] NOT NULL DEFAULT '{}',
    software_id text,
    software_version text,
    software_issuer text, -- of the statement that was checked
    created timestamptz NOT NULL DEFAULT now(),
    changed timestamptz NOT NULL DEFAULT now()
);

-- Use by day, for the charts: kept longer than tokens and refusals are.
CREATE TABLE fhir_use_day (
    client text COLLATE "C" NOT NULL,
    day date NOT NULL DEFAULT current_date,
    requests bigint NOT NULL DEFAULT 0, -- to FHIR, with a token of the application
    errors bigint NOT NULL DEFAULT 0,   -- of them, answered with 400 or more
    tokens integer NOT NULL DEFAULT 0,  -- access tokens that were given
    people integer NOT NULL DEFAULT 0,  -- for whom
    refused integer NOT NULL DEFAULT 0, -- requests that sign-in, tokens and grants refused
    PRIMARY KEY (client, day)
);

ALTER TABLE fhir_refusal
    ADD parameter text, -- what was wrong: redirect_uri, aud, scope, …
    ADD received text,  -- its value, if it is neither secret nor a patient's
    ADD expected text;
