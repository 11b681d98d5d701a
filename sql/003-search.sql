-- SPDX-License-Identifier: Apache-2.0
-- What searches across all patients need beside columns: numbers, quantities and composites as terms of a
-- GIN index, and a record of searches that want an index. docs/schema.md describes both. Functions of PL/pgSQL
-- look for others when they are called, whatever search_path is then: @ stands for the schema.

-- A number's place on a scale of sixteen steps to each doubling, from 2^-8 to 2^24 on both sides of zero; 700 is the
-- place of ranges. The query's bounds have places of the same scale. Sixteen places are one coarse place.
CREATE FUNCTION fhir_number_place(low numeric, high numeric) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN low = high THEN
                CASE WHEN low BETWEEN 0.00390625 AND 16777216
                     THEN 1 + floor(ln(low::double precision) * 23.083120654223414 + 128)::integer
                     WHEN low > 16777216 THEN 513
                     WHEN low BETWEEN -16777216 AND -0.00390625
                     THEN -1 - floor(ln(-low::double precision) * 23.083120654223414 + 128)::integer
                     WHEN low < -16777216 THEN -513 ELSE 0 END
            WHEN low IS NOT NULL OR high IS NOT NULL THEN 700 END;

CREATE FUNCTION fhir_coarse_place(place integer) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN place = 700 THEN 700 ELSE 600 + (place >> 4) END;

-- The term of a number at a place that belongs to a code: different ones may share one, so what it finds is
-- always compared once more.
CREATE FUNCTION fhir_place_key(code text, place integer) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN hashtext(code) # (place * 2097143);

-- The terms of a quantity: its place and coarse place, alone and with each code (without system) that says what
-- was measured.
DO $do$ BEGIN EXECUTE replace($sql$
CREATE FUNCTION fhir_quantity_keys(codes text[], low numeric, high numeric) RETURNS integer[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 10 AS $$
DECLARE
    place integer := @fhir_number_place(low, high);
    coarse integer := @fhir_coarse_place(place);
    keys integer[] := ARRAY[place, coarse];
    code text;
BEGIN
    IF place IS NULL THEN
        RETURN NULL;
    END IF;
    IF codes IS NOT NULL THEN
        FOREACH code IN ARRAY codes LOOP
            IF strpos(code, '|') = 0 THEN
                keys := keys || ARRAY[@fhir_place_key(code, place), @fhir_place_key(code, coarse)];
            END IF;
        END LOOP;
    END IF;
    RETURN keys;
END $$
$sql$, '@', quote_ident(current_schema()) || '.'); END $do$;

-- Those of numbers without codes.
CREATE FUNCTION fhir_number_keys(low numeric, high numeric) RETURNS integer[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN low IS NOT NULL OR high IS NOT NULL THEN ARRAY[fhir_number_place(low, high),
                                                                      fhir_coarse_place(fhir_number_place(low, high))] END;
DO $do$ BEGIN EXECUTE replace($sql$
CREATE FUNCTION fhir_number_keys(low numeric[], high numeric[]) RETURNS integer[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 10 AS $$
DECLARE
    keys integer[] := '{}';
BEGIN
    FOR i IN 1 .. cardinality(low) LOOP
        keys := keys || @fhir_number_keys(low[i], high[i]);
    END LOOP;
    RETURN keys;
END $$
$sql$, '@', quote_ident(current_schema()) || '.'); END $do$;

-- The terms of a composite: of each repetition the codes of its first part, at the second's place if that is a
-- quantity, which is a term alone, too. First parts that are no tokens have none.
DO $do$ BEGIN EXECUTE replace($sql$
CREATE FUNCTION fhir_composite_keys(composite jsonb) RETURNS integer[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 10 AS $$
DECLARE
    keys integer[] := '{}';
    item jsonb;
    codes jsonb;
    code text;
    place integer;
BEGIN
    FOR i IN 0 .. jsonb_array_length(composite) - 1 LOOP
        item := composite -> i;
        codes := item -> '0';
        CONTINUE WHEN jsonb_typeof(codes) <> 'array';
        place := 701; -- no number
        IF jsonb_typeof(item #> '{1,l}') = 'number' OR jsonb_typeof(item #> '{1,h}') = 'number' THEN
            place := @fhir_number_place((item #>> '{1,l}')::numeric, (item #>> '{1,h}')::numeric);
        END IF;
        IF place <> 701 THEN
            keys := keys || ARRAY[place, @fhir_coarse_place(place)];
        END IF;
        FOR j IN 0 .. jsonb_array_length(codes) - 1 LOOP
            code := codes ->> j;
            IF place = 701 OR strpos(code, '|') = 0 THEN
                keys := keys || @fhir_place_key(code, place);
                IF place < 700 THEN
                    keys := keys || @fhir_place_key(code, @fhir_coarse_place(place));
                END IF;
            END IF;
        END LOOP;
    END LOOP;
    RETURN keys;
END $$
$sql$, '@', quote_ident(current_schema()) || '.'); END $do$;

-- The terms that a search for numbers between two bounds (NULL: none) has to look for: coarse places that lie
-- between them, the others one by one, and ranges.
CREATE FUNCTION fhir_range_keys(codes text[], low numeric, high numeric) RETURNS integer[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (SELECT array_agg(DISTINCT CASE WHEN code IS NULL THEN term ELSE fhir_place_key(code, term) END)
          FROM unnest(coalesce(codes, ARRAY[NULL::text])) code,
               (SELECT coalesce(fhir_number_place(low, low), -528), coalesce(fhir_number_place(high, high), 527)) b(l, h),
               LATERAL (SELECT CASE WHEN p >> 4 << 4 >= l AND (p >> 4 << 4) + 15 <= h THEN fhir_coarse_place(p) ELSE p END
                          FROM generate_series(l, h) p UNION SELECT 700) t(term));

-- Of several dates the first and the last, whichever their order.
CREATE FUNCTION fhir_first(times timestamptz[]) RETURNS timestamptz LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (SELECT min(t) FROM unnest(times) t);
CREATE FUNCTION fhir_last(times timestamptz[]) RETURNS timestamptz LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (SELECT max(t) FROM unnest(times) t);

-- A text as stored strings are folded: marks off, lower case, the letters of Europe that have no marks as
-- fhir_text_fold has them, blanks as one.
CREATE FUNCTION fhir_fold(t text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN btrim(regexp_replace(replace(replace(replace(replace(translate(lower(regexp_replace(
           normalize(t, NFKD), '[\u0300-\u036f]+', '', 'g')),
           U&'\00F8\0111\00F0\0127\0131\0138\0142\014B\0167\0192\0259\03C2', 'oddhiklntfe' || U&'\03C3'),
           U&'\00DF', 'ss'), U&'\00E6', 'ae'), U&'\0153', 'oe'), U&'\00FE', 'th'), '\s+', ' ', 'g'));

-- Does a text at one of the paths begin like one of the patterns, which are folded? Texts are looked at as far as
-- `most` characters. The cost is that of reading a resource; it is what lets the planner refuse.
CREATE FUNCTION fhir_text_begins(resource text, paths jsonpath[], patterns text[], most integer) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE COST 4000
RETURN EXISTS (SELECT FROM unnest(paths) p, jsonb_path_query(resource::jsonb, p) v
                WHERE fhir_fold(left(v #>> '{}', most)) LIKE ANY (patterns));

-- The words of a resource. Of large ones (a tsvector holds 1 MB, however long its words are) the beginning, which is
-- cut before anything is parsed: names of members and long strings without a blank, as base64, are left out.
CREATE FUNCTION fhir_content(resource text) RETURNS tsvector LANGUAGE sql STABLE PARALLEL SAFE COST 10000
RETURN CASE WHEN octet_length(resource) <= 100000 THEN jsonb_to_tsvector('simple', resource::jsonb, '["string"]')
            ELSE to_tsvector('simple', left(regexp_replace(left(resource, 400000),
                     '"[^"\\ ]*"\s*:|"[A-Za-z0-9+/=]{200,}("|$)|\\[nrtbf"/\\]', ' ', 'g'), 200000)) END;

-- Which set of indexes was chosen: "practice" or "patient". fhirctl writes it.
CREATE TABLE fhir_index_set (
    name text COLLATE "C" PRIMARY KEY,
    chosen timestamptz NOT NULL DEFAULT now()
);

-- Indexes that fhirctl load took away from empty tables, until it has made them again.
CREATE TABLE fhir_index_due (
    name text COLLATE "C" PRIMARY KEY,
    definition text NOT NULL
);

-- Searches that were refused or slow, by their shape: the type and the names of parameters, no values.
CREATE TABLE fhir_search_advice (
    shape text COLLATE "C" PRIMARY KEY, -- "Observation?code&value-string"
    refused bigint NOT NULL DEFAULT 0,
    slow bigint NOT NULL DEFAULT 0,
    first_seen timestamptz NOT NULL DEFAULT now(),
    last_seen timestamptz NOT NULL DEFAULT now(),
    command text NOT NULL -- that makes the indexes which are missing, or ''
);
