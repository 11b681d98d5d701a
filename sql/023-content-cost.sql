-- SPDX-License-Identifier: Apache-2.0
-- The planner knew no cost of _content and _text: a function that is one SQL expression is put into the statement,
-- where only its parts have costs. One of PL/pgSQL is not, nor is a strict one with a CASE. Costs are as measured over
-- resources of 1.4 KB: 0.3 ms, and 0.2 ms for a narrative.
ALTER FUNCTION fhir_content(text) STRICT COST 60000;

CREATE OR REPLACE FUNCTION fhir_narrative(resource text) RETURNS tsvector
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE COST 40000 AS $$
BEGIN
    RETURN to_tsvector('simple', left(resource::jsonb #>> '{text,div}', 200000));
END $$;
