-- SPDX-License-Identifier: Apache-2.0
-- Queries that are too long for the URL of a page link, which names its row instead. Each stands here
-- once, however many pages and users it has, until its last link is too old.
CREATE TABLE fhir_page_query (
    digest bytea PRIMARY KEY, -- SHA-256 of query
    query text COMPRESSION lz4 NOT NULL, -- as it stands in a URL
    used timestamptz NOT NULL DEFAULT now(),    -- when its last link was made, to the minute
    expires timestamptz NOT NULL -- when that is too old, or infinity
);
CREATE INDEX ON fhir_page_query (used);
CREATE INDEX ON fhir_page_query (expires);
