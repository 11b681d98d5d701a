-- SPDX-License-Identifier: Apache-2.0
-- Dates that no column has are read from the resource when DSTU2's parameters ask for them: the one at the first path
-- that is there. Costs are that of fhir_text_begins, which takes as long: each call parses a resource.

-- The instants that a written date covers: low and high (behind it); of a day, month or year two NULLs and then local
-- midnights as if they were UTC's. What is not valid has none. As fhir_time_parse has it: fractions are cut at
-- microseconds, a leap second is the last microsecond of its minute.
CREATE FUNCTION fhir_date_at(resource text, paths jsonpath[]) RETURNS timestamptz[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 12000 AS $$
DECLARE
    parsed jsonb := resource;
    path jsonpath;
    d text;
    at timestamptz;
    digits integer;
BEGIN
    FOREACH path IN ARRAY paths LOOP
        d := jsonb_path_query_first(parsed, path) #>> '{}';
        EXIT WHEN d IS NOT NULL;
    END LOOP;
    IF d !~ ('^(?!0000)\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01])'
            || '(T([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?(Z|[+-]((0\d|1[0-3]):[0-5]\d|14:00)))?)?)?$') OR d IS NULL
        OR substr(d, 9, 2) > '28' AND substr(d, 9, 2)::integer
            > extract(day FROM (left(d, 8) || '01')::timestamp + interval '1 month - 1 day') THEN
        RETURN NULL;
    END IF;
    IF length(d) <= 10 THEN
        at := (left(d || '-01-01', 10) || 'Z')::timestamptz;
        RETURN ARRAY[NULL, NULL, at, (at AT TIME ZONE 'UTC' + CASE length(d) WHEN 4 THEN interval '1 year'
            WHEN 7 THEN interval '1 month' ELSE interval '1 day' END) AT TIME ZONE 'UTC'];
    END IF;
    IF substr(d, 18, 2) = '60' THEN
        d := overlay(regexp_replace(d, '\.\d+', '') PLACING '59.999999' FROM 18 FOR 2);
    END IF;
    digits := length(substring(d FROM '\.(\d+)'));
    IF digits > 6 THEN
        d := regexp_replace(d, '(\.\d{6})\d+', '\1');
    END IF;
    at := d::timestamptz;
    RETURN ARRAY[at, at + CASE WHEN digits IS NULL THEN interval '1 second'
        ELSE 10 ^ (6 - least(digits, 6)) * interval '1 microsecond' END];
END $$;

-- Is there something at one of the paths?
CREATE FUNCTION fhir_has_path(resource text, paths jsonpath[]) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 12000 AS $$
DECLARE
    parsed jsonb := resource;
    path jsonpath;
BEGIN
    FOREACH path IN ARRAY paths LOOP
        IF jsonb_path_exists(parsed, path) THEN
            RETURN TRUE;
        END IF;
    END LOOP;
    RETURN FALSE;
END $$;
