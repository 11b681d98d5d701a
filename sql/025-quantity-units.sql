-- SPDX-License-Identifier: Apache-2.0
-- Quantities have their units as terms, too: docs/schema.md, "Numbers as terms". The functions that indexes of an
-- earlier version use stay beside these; fhirctl init rebuilds such indexes. Functions of PL/pgSQL look for others when
-- they are called: @ stands for the schema.

-- The terms of a quantity: its place and coarse place, alone, with each code (without system) that says what was
-- measured, and with its unit, by code and as people write it. A bar stands before a unit.
DO $do$ BEGIN EXECUTE replace($sql$
CREATE FUNCTION fhir_quantity_terms(codes text[], low numeric, high numeric, code text, unit text) RETURNS integer[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 10 AS $$
DECLARE
    place integer := @fhir_number_place(low, high);
    coarse integer := @fhir_coarse_place(place);
    terms integer[] := ARRAY[place, coarse];
    name text;
BEGIN
    IF place IS NULL THEN
        RETURN NULL;
    END IF;
    IF codes IS NOT NULL THEN
        FOREACH name IN ARRAY codes LOOP
            IF strpos(name, '|') = 0 THEN
                terms := terms || ARRAY[@fhir_place_key(name, place), @fhir_place_key(name, coarse)];
            END IF;
        END LOOP;
    END IF;
    IF code IS NOT NULL THEN
        name := '|' || code;
        terms := terms || ARRAY[@fhir_place_key(name, place), @fhir_place_key(name, coarse)];
    END IF;
    IF unit IS DISTINCT FROM code AND unit IS NOT NULL THEN
        name := '|' || unit;
        terms := terms || ARRAY[@fhir_place_key(name, place), @fhir_place_key(name, coarse)];
    END IF;
    RETURN terms;
END $$
$sql$, '@', quote_ident(current_schema()) || '.'); END $do$;

-- Those of several quantities.
DO $do$ BEGIN EXECUTE replace($sql$
CREATE FUNCTION fhir_quantity_terms(low numeric[], high numeric[], code text[], unit text[]) RETURNS integer[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 10 AS $$
DECLARE
    terms integer[] := '{}';
BEGIN
    IF low IS NULL THEN
        RETURN NULL;
    END IF;
    FOR i IN 1 .. cardinality(low) LOOP
        terms := terms || @fhir_quantity_terms(NULL, low[i], high[i], code[i], unit[i]);
    END LOOP;
    RETURN terms;
END $$
$sql$, '@', quote_ident(current_schema()) || '.'); END $do$;

-- The terms that a search for numbers between two bounds (NULL: none) has to look for, of what has that name (a code,
-- or a unit behind its bar) or of all: coarse places that lie between the bounds, the others one by one, and ranges. It
-- is called as a statement runs: as one SQL expression it was planned with each statement, which took longer than to run
-- it, and were it immutable, it would run with each look at a plan.
DO $do$ BEGIN EXECUTE replace($sql$
CREATE FUNCTION fhir_range_terms(name text, low numeric, high numeric) RETURNS integer[]
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    place integer := coalesce(@fhir_number_place(low, low), -528);
    last integer := coalesce(@fhir_number_place(high, high), 527);
    first_coarse integer := (place + 15) >> 4; -- that lies between the bounds
    behind_coarse integer := (last + 1) >> 4;  -- the last that does
    terms integer[] := '{700}';
BEGIN
    IF first_coarse < behind_coarse THEN
        terms := terms || ('{567,568,569,570,571,572,573,574,575,576,577,578,579,580,581,582,583,584,585,586,587,588,'
            '589,590,591,592,593,594,595,596,597,598,599,600,601,602,603,604,605,606,607,608,609,610,611,612,613,'
            '614,615,616,617,618,619,620,621,622,623,624,625,626,627,628,629,630,631,632}'::integer[])
            [first_coarse + 34 : behind_coarse + 33];
    END IF;
    WHILE place <= last LOOP
        IF place >> 4 >= first_coarse AND place >> 4 < behind_coarse THEN
            place := behind_coarse * 16;
        ELSE
            terms := terms || place;
            place := place + 1;
        END IF;
    END LOOP;
    RETURN CASE WHEN name IS NULL THEN terms ELSE ARRAY(SELECT @fhir_place_key(name, t) FROM unnest(terms) t) END;
END $$
$sql$, '@', quote_ident(current_schema()) || '.'); END $do$;
