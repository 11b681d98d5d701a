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

-- Short forms of URLs that are stored in thousands of rows: "~l" is "http://loinc.org". A URL has the
-- short form of the longest beginning that is listed here. Filled by 001-r4-tables.
CREATE TABLE fhir_short_form (
    short text COLLATE "C" PRIMARY KEY,
    url text COLLATE "C" NOT NULL UNIQUE
);

-- 'http://loinc.org|8867-4' as it is stored in a column of tokens: '~l|8867-4'.
CREATE FUNCTION fhir_short(url text) RETURNS text LANGUAGE sql STABLE STRICT PARALLEL SAFE
RETURN coalesce((SELECT f.short || substr(fhir_short.url, length(f.url) + 1) FROM fhir_short_form f
                  WHERE starts_with(fhir_short.url, f.url) ORDER BY length(f.url) DESC LIMIT 1),
                fhir_short.url);

-- And back.
CREATE FUNCTION fhir_full(form text) RETURNS text LANGUAGE sql STABLE STRICT PARALLEL SAFE
RETURN coalesce((SELECT f.url || substr(form, 3) FROM fhir_short_form f WHERE f.short = left(form, 2)),
                form);
