-- SPDX-License-Identifier: Apache-2.0
-- What looks into resources has the cost that it has: FHIRCostMax (1,000,000 by default) is then about two seconds. A
-- resource is parsed once for all values of a parameter. Functions of PL/pgSQL look for others when they are called: @
-- stands for the schema.

-- A text folded as fhir_fold does it. Most texts are ASCII without apostrophes and dots, and need none of its regular
-- expressions.
DO $do$ BEGIN EXECUTE replace($sql$
CREATE FUNCTION fhir_fold_text(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    folded text;
BEGIN
    IF t ~ '[^ -~]|[.''`]' THEN
        RETURN @fhir_fold(t);
    END IF;
    folded := translate(lower(t COLLATE "C"), '!"#%&()*,-/:;?[\]_{}' || chr(64), repeat(' ', 21));
    IF folded ~ '  |^ | $' THEN
        folded := btrim(regexp_replace(folded, ' +', ' ', 'g'));
    END IF;
    RETURN CASE WHEN folded = '' THEN @fhir_fold(t) ELSE folded END;
END $$
$sql$, '@', quote_ident(current_schema()) || '.'); END $do$;

-- Does a word of a text at one of the paths begin like one of the patterns ('% word%', folded)? Texts are looked at as
-- far as `most` characters.
DO $do$
DECLARE
    f record;
BEGIN
    DROP FUNCTION fhir_text_begins(text, jsonpath[], text[], integer);
    -- the same for up to so many patterns, at its cost
    FOR f IN SELECT * FROM (VALUES ('fhir_text_begins', 12000), ('fhir_text_begins_100', 40000),
                                   ('fhir_text_begins_500', 120000)) v(name, cost)
    LOOP
        EXECUTE replace(format($sql$
CREATE FUNCTION %I(resource text, paths jsonpath[], patterns text[], most integer) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE COST %s AS $$
DECLARE
    parsed jsonb := resource;
    path jsonpath;
    value jsonb;
BEGIN
    FOREACH path IN ARRAY paths LOOP
        FOR value IN SELECT jsonb_path_query(parsed, path) LOOP
            IF ' ' || @fhir_fold_text(left(value #>> '{}', most)) LIKE ANY (patterns) THEN
                RETURN TRUE;
            END IF;
        END LOOP;
    END LOOP;
    RETURN FALSE;
END $$
$sql$, f.name, f.cost), '@', quote_ident(current_schema()) || '.');
    END LOOP;
END $do$;

-- The words of a resource's narrative; its beginning, because a tsvector holds 1 MB, however long its words are.
CREATE FUNCTION fhir_narrative(resource text) RETURNS tsvector LANGUAGE sql STABLE PARALLEL SAFE COST 30000
RETURN to_tsvector('simple', left(resource::jsonb #>> '{text,div}', 200000));

ALTER FUNCTION fhir_content(text) COST 30000;
