-- SPDX-License-Identifier: Apache-2.0
-- First answers to requests with an Idempotency-Key, kept for a day in the transaction of what they
-- answer, so that a repeated request gets the same answer from every server.
CREATE TABLE fhir_idempotency (
    key bytea PRIMARY KEY,   -- SHA-256 of who sent it and the header
    request bytea NOT NULL,  -- SHA-256 of the request: another one may not use the key
    created timestamptz NOT NULL DEFAULT now(),
    status integer NOT NULL, -- of the answer
    type text COLLATE "C",   -- of the resource that is the answer, in the version named
    id text COLLATE "C",
    version integer,
    body text COMPRESSION lz4 -- the answer where it is no stored resource
);
CREATE INDEX ON fhir_idempotency (created);

-- Which files were run is what tells whether a schema fits.
DROP TABLE fhir_schema;
