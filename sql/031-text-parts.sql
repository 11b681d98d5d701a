-- SPDX-License-Identifier: Apache-2.0
-- Of a large resource, what a search for texts does not look at is not made a value of jsonb, which takes thirty times
-- its text: language:text beside a Patient with 480,000 names took 277 MB. Functions of PL/pgSQL look for others when
-- they are called: @ stands for the schema.

-- The members of a resource with which the paths begin; all of it, if one path begins otherwise.
CREATE FUNCTION fhir_parts(resource text, paths jsonpath[]) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    members text[];
BEGIN
    SELECT array_agg(DISTINCT substring(path::text FROM '^\$\."([^"\\]+)"')) INTO members FROM unnest(paths) path;
    IF array_position(members, NULL) IS NOT NULL THEN
        RETURN resource;
    END IF;
    RETURN (SELECT coalesce(jsonb_object_agg(m, v), '{}')
              FROM unnest(members) m, LATERAL (SELECT resource::json -> m) part(v) WHERE v IS NOT NULL);
END $$;

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
    parsed jsonb := CASE WHEN octet_length(resource) < 1000000 THEN resource::jsonb
        ELSE @fhir_parts(resource, paths) END;
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
