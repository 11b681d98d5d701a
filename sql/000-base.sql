-- SPDX-License-Identifier: Apache-2.0
-- What a tenant's schema says of itself. fhirctl init runs the files of this folder in order, each
-- once, in a transaction of its own, with search_path set to the tenant's schema.

-- The files that were run. A file never changes once it was released; a further one follows it.
CREATE TABLE fhir_migration (
    name text COLLATE "C" PRIMARY KEY, -- "000-base"
    digest bytea NOT NULL,             -- SHA-256 of the file's text
    applied timestamptz NOT NULL DEFAULT now()
);

-- Which models' tables are here: compared at start with what the program was built for.
CREATE TABLE fhir_schema (
    version text COLLATE "C" PRIMARY KEY, -- of FHIR: "4.0.1"
    fingerprint text NOT NULL,            -- of the tables' definition
    created timestamptz NOT NULL DEFAULT now()
);

-- Secrets that all servers of a tenant share.
CREATE TABLE fhir_key (
    name text COLLATE "C" PRIMARY KEY, -- "cursor": signs the links between pages
    key bytea NOT NULL,
    created timestamptz NOT NULL DEFAULT now()
);
