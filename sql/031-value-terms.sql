-- SPDX-License-Identifier: Apache-2.0
-- Numbers as terms, with fewer of them to look up: docs/schema.md, "Numbers as terms". Coarse steps were doublings up
-- to 2^24 on both sides of zero, and most of those that a search looked up were not there, which takes as long as to
-- find one. Places are as they were (fhir_number_place). The functions of the indexes of an earlier version stay beside
-- these: fhirctl init rebuilds such indexes after the schema is made. Functions of PL/pgSQL look for others when they
-- are called: @ stands for the schema.

-- The coarse step of a place: a doubling from 1/16 to 2^13, where most values are; otherwise a wide one: what is
-- negative by its size (up to 2^8, up to 2^24, the rest), what is near zero, up to 2^18, the rest; and 700, ranges.
CREATE FUNCTION fhir_number_step(place integer) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN place BETWEEN 64 AND 335 THEN 600 + (place >> 4) WHEN place = 700 THEN 700
            WHEN place < 0 THEN 580 + ((place + 768) >> 8) WHEN place < 64 THEN 590 WHEN place < 416 THEN 630
            ELSE 631 END;

-- The terms of a quantity: its place and coarse step, alone, with each code (without system) that says what was
-- measured, and with its unit, by code and as people write it. Almost all have one code, with and without its system,
-- and one unit: these take one expression. A term with a name is that of fhir_place_key.
DO $do$ BEGIN EXECUTE replace($sql$
CREATE FUNCTION fhir_value_terms(codes text[], low numeric, high numeric, code text, unit text) RETURNS integer[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 10 AS $$
DECLARE
    place integer;
    step integer;
    terms integer[];
    name text;
BEGIN
    IF low IS NULL AND high IS NULL THEN
        RETURN NULL;
    END IF;
    place := CASE WHEN low = high THEN -- as fhir_number_place
                       CASE WHEN low BETWEEN 0.00390625 AND 16777216
                            THEN 1 + floor(ln(low::double precision) * 23.083120654223414 + 128)::integer
                            WHEN low > 16777216 THEN 513
                            WHEN low BETWEEN -16777216 AND -0.00390625
                            THEN -1 - floor(ln(-low::double precision) * 23.083120654223414 + 128)::integer
                            WHEN low < -16777216 THEN -513 ELSE 0 END
                  ELSE 700 END;
    IF code = unit AND cardinality(codes) = 2 AND strpos(codes[1], '|') = 0 AND strpos(codes[2], '|') > 0
        AND place BETWEEN 64 AND 335 THEN
        RETURN ARRAY[place, 600 + (place >> 4),
            hashtext('|' || code) # (place * 2097143), hashtext('|' || code) # ((600 + (place >> 4)) * 2097143),
            hashtext(codes[1]) # (place * 2097143), hashtext(codes[1]) # ((600 + (place >> 4)) * 2097143)];
    END IF;
    step := @fhir_number_step(place);
    terms := ARRAY[place, step];
    IF code IS NOT NULL THEN
        terms := terms || ARRAY[hashtext('|' || code) # (place * 2097143), hashtext('|' || code) # (step * 2097143)];
    END IF;
    IF unit IS DISTINCT FROM code AND unit IS NOT NULL THEN
        terms := terms || ARRAY[hashtext('|' || unit) # (place * 2097143), hashtext('|' || unit) # (step * 2097143)];
    END IF;
    IF codes IS NOT NULL THEN
        FOREACH name IN ARRAY codes LOOP
            IF strpos(name, '|') = 0 THEN
                terms := terms || ARRAY[hashtext(name) # (place * 2097143), hashtext(name) # (step * 2097143)];
            END IF;
        END LOOP;
    END IF;
    RETURN terms;
END $$
$sql$, '@', quote_ident(current_schema()) || '.'); END $do$;

-- Those of several quantities.
DO $do$ BEGIN EXECUTE replace($sql$
CREATE FUNCTION fhir_value_terms(low numeric[], high numeric[], code text[], unit text[]) RETURNS integer[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 10 AS $$
DECLARE
    terms integer[] := '{}';
BEGIN
    IF low IS NULL THEN
        RETURN NULL;
    END IF;
    FOR i IN 1 .. cardinality(low) LOOP
        terms := terms || @fhir_value_terms(NULL, low[i], high[i], code[i], unit[i]);
    END LOOP;
    RETURN terms;
END $$
$sql$, '@', quote_ident(current_schema()) || '.'); END $do$;

-- Those of numbers without codes.
CREATE FUNCTION fhir_number_terms(low numeric, high numeric) RETURNS integer[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN low IS NOT NULL OR high IS NOT NULL
            THEN ARRAY[fhir_number_place(low, high), fhir_number_step(fhir_number_place(low, high))] END;
DO $do$ BEGIN EXECUTE replace($sql$
CREATE FUNCTION fhir_number_terms(low numeric[], high numeric[]) RETURNS integer[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 10 AS $$
DECLARE
    terms integer[] := '{}';
BEGIN
    FOR i IN 1 .. cardinality(low) LOOP
        terms := terms || @fhir_number_terms(low[i], high[i]);
    END LOOP;
    RETURN terms;
END $$
$sql$, '@', quote_ident(current_schema()) || '.'); END $do$;

-- The terms of a composite: of each repetition the codes of its first part, at the second's place if that is a
-- quantity, which is a term alone, too; otherwise at 701. First parts that are no tokens have none.
DO $do$ BEGIN EXECUTE replace($sql$
CREATE FUNCTION fhir_composite_terms(composite jsonb) RETURNS integer[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 10 AS $$
DECLARE
    terms integer[] := '{}';
    item jsonb;
    codes jsonb;
    code text;
    place integer;
    step integer;
BEGIN
    FOR i IN 0 .. jsonb_array_length(composite) - 1 LOOP
        item := composite -> i;
        codes := item -> '0';
        CONTINUE WHEN jsonb_typeof(codes) IS DISTINCT FROM 'array';
        place := NULL;
        IF jsonb_typeof(item #> '{1,l}') = 'number' OR jsonb_typeof(item #> '{1,h}') = 'number' THEN
            place := @fhir_number_place((item #>> '{1,l}')::numeric, (item #>> '{1,h}')::numeric);
            step := @fhir_number_step(place);
            terms := terms || ARRAY[place, step];
        END IF;
        FOR j IN 0 .. jsonb_array_length(codes) - 1 LOOP
            code := codes ->> j;
            IF place IS NULL THEN
                terms := terms || @fhir_place_key(code, 701);
            ELSIF strpos(code, '|') = 0 THEN
                terms := terms || ARRAY[hashtext(code) # (place * 2097143), hashtext(code) # (step * 2097143)];
            END IF;
        END LOOP;
    END LOOP;
    RETURN terms;
END $$
$sql$, '@', quote_ident(current_schema()) || '.'); END $do$;

-- The terms that a search for numbers between two bounds (NULL: none) has to look for, of what has that name (a code,
-- or a unit behind its bar) or of all, and those of ranges: few places one by one; otherwise the doublings between the
-- bounds, the other places one by one, and each wide step that has a part of them. It is called as a statement runs: as
-- one SQL expression it was planned with each statement, which took longer than to run it, and were it immutable, it
-- would run with each look at a plan. A query of generate_series instead of the loops would be planned with each call.
DO $do$ BEGIN EXECUTE replace($sql$
CREATE FUNCTION fhir_range_steps(name text, low numeric, high numeric) RETURNS integer[]
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    first integer := coalesce(@fhir_number_place(low, low), -528);
    last integer := coalesce(@fhir_number_place(high, high), 527);
    first_step integer;  -- that lies between the bounds
    behind_step integer; -- the last that does
    terms integer[] := '{700}';
BEGIN
    IF last - first >= 32 THEN
        terms := terms || ('{580,581,582,590}'::integer[])
            [CASE WHEN first < 0 THEN ((first + 768) >> 8) + 1 WHEN first < 64 THEN 4 ELSE 5 END :
             CASE WHEN last < 0 THEN ((last + 768) >> 8) + 1 ELSE 4 END];
        terms := terms || ('{630,631}'::integer[])
            [CASE WHEN first < 416 THEN 1 ELSE 2 END :
             CASE WHEN last < 336 THEN 0 WHEN last < 416 THEN 1 ELSE 2 END];
        first := greatest(first, 64);
        last := least(last, 335);
        first_step := (first + 15) >> 4;
        behind_step := (last + 1) >> 4;
        IF first_step < behind_step THEN
            terms := terms || ('{604,605,606,607,608,609,610,611,612,613,614,615,616,617,618,619,620}'::integer[])
                [first_step - 3 : behind_step - 4];
            FOR place IN behind_step * 16 .. last LOOP
                terms := terms || place;
            END LOOP;
            last := first_step * 16 - 1;
        END IF;
    END IF;
    FOR place IN first .. last LOOP
        terms := terms || place;
    END LOOP;
    RETURN CASE WHEN name IS NULL THEN terms ELSE ARRAY(SELECT @fhir_place_key(name, t) FROM unnest(terms) t) END;
END $$
$sql$, '@', quote_ident(current_schema()) || '.'); END $do$;
