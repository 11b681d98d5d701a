-- SPDX-License-Identifier: Apache-2.0
-- A search for texts in a large resource makes values of jsonb of one piece at a time, also of a large element that it
-- looks into: all of an element of 7 MB took 118 MB. Functions of PL/pgSQL look for others when they are called: @
-- stands for the schema.

-- The pieces in which a path may end, each with the rest of the path. Arrays are divided because the lax mode of
-- SQL/JSON paths goes through their items in any case, but for one that is counted ([0]) or that a path ends in.
DO $do$
BEGIN
    EXECUTE replace($sql$
CREATE FUNCTION fhir_pieces(part json, path text, OUT piece jsonb, OUT rest jsonpath) RETURNS SETOF record
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    size bigint;
    items bigint;
    steps text[];
BEGIN
    LOOP
        size := octet_length(part::text);
        EXIT WHEN size < 100000 OR path = '$' OR starts_with(path, '$[');
        IF json_typeof(part) = 'array' THEN
            items := json_array_length(part);
            IF items > 1 THEN
                RETURN QUERY SELECT p.* FROM (SELECT ('[' || string_agg(v::text, ',') || ']')::json AS chunk
                                                FROM json_array_elements(part) WITH ORDINALITY item(v, i)
                                               GROUP BY (i - 1) / greatest(items * 50000 / size, 1)) c,
                    LATERAL @fhir_pieces(chunk, path) p;
                RETURN;
            END IF;
            part := part -> 0;
        ELSE
            steps := regexp_match(path, '^\$\."([^"\\]+)"(.*)$');
            EXIT WHEN steps IS NULL;
            part := part -> steps[1];
            path := '$' || steps[2];
        END IF;
        EXIT WHEN part IS NULL;
    END LOOP;
    RETURN QUERY SELECT part::text::jsonb, path::jsonpath WHERE part IS NOT NULL;
END $$
$sql$, '@', quote_ident(current_schema()) || '.');
END $do$;

DO $do$
DECLARE
    f record;
BEGIN
    FOR f IN SELECT * FROM (VALUES ('fhir_text_begins', 12000), ('fhir_text_begins_100', 40000),
                                   ('fhir_text_begins_500', 120000)) v(name, cost)
    LOOP
        EXECUTE replace(format($sql$
CREATE OR REPLACE FUNCTION %I(resource text, paths jsonpath[], patterns text[], most integer) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE COST %s AS $$
DECLARE
    parsed jsonb;
    path jsonpath;
    value jsonb;
BEGIN
    IF octet_length(resource) >= 1000000 THEN
        RETURN EXISTS (SELECT FROM unnest(paths) whole, @fhir_pieces(resource::json, whole::text) p,
                                   jsonb_path_query(p.piece, p.rest) item
                        WHERE ' ' || @fhir_fold_text(left(item #>> '{}', most)) LIKE ANY (patterns));
    END IF;
    parsed := resource;
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

DROP FUNCTION fhir_parts(text, jsonpath[]);
