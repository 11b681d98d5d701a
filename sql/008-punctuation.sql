-- SPDX-License-Identifier: Apache-2.0
-- Stored strings are folded without punctuation since: O'Brien is obrien, Garcia-Lopez garcia lopez. Tokens that are
-- strings, as lot numbers, are stored in small letters, telephone numbers and electronic addresses as their letters and
-- digits alone. Rows that were stored before are folded again; in a new schema there are none.

-- The punctuation of a text that is folded otherwise: as fhir_text_fold removes it.
CREATE FUNCTION fhir_unpunctuated(t text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN coalesce(nullif(btrim(regexp_replace(regexp_replace(regexp_replace(regexp_replace(
           t, $$['`\u02BB-\u02BD\u2018\u2019\u201B\u2032]$$, '', 'g'),
           '(?<![[:alnum:]])([[:alpha:]])\.', '\1', 'g'),
           '(?<![0-9])\.|\.(?![0-9])|[!"#%&()*,/:;?@\[\\\]_{}\u00A1\u00AB\u00B7\u00BB\u00BF\u2010-\u2027\u3001-\u3003\u3008-\u3011\u30FB-]',
           ' ', 'g'), ' +', ' ', 'g')), ''), t);

CREATE FUNCTION fhir_fold_case(t text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN btrim(regexp_replace(replace(replace(replace(replace(translate(lower(regexp_replace(
           normalize(t, NFKD), '[\u0300-\u036f]+', '', 'g')),
           U&'\00F8\0111\00F0\0127\0131\0138\0142\014B\0167\0192\0259\03C2', 'oddhiklntfe' || U&'\03C3'),
           U&'\00DF', 'ss'), U&'\00E6', 'ae'), U&'\0153', 'oe'), U&'\00FE', 'th'), '\s+', ' ', 'g'));

CREATE OR REPLACE FUNCTION fhir_fold(t text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN fhir_unpunctuated(fhir_fold_case(t));

-- A column of strings has one of their exact forms beside it; values stand between line feeds.
DO $do$
DECLARE
    c record;
BEGIN
    FOR c IN
        SELECT a.attrelid::regclass AS relation, left(a.attname, -6) AS folded
          FROM pg_attribute a JOIN pg_class t ON t.oid = a.attrelid
         WHERE t.relnamespace = current_schema()::regnamespace AND t.relkind = 'r'
           AND a.attname LIKE '%\_exact' AND NOT a.attisdropped
           AND EXISTS (SELECT FROM pg_attribute f WHERE f.attrelid = t.oid AND f.attname = left(a.attname, -6))
    LOOP
        EXECUTE format($$UPDATE %1$s SET %2$I = (SELECT E'\n' || string_agg(fhir_unpunctuated(v), E'\n' ORDER BY n) || E'\n'
            FROM unnest(string_to_array(btrim(%2$I, E'\n'), E'\n')) WITH ORDINALITY u(v, n))
            WHERE %2$I ~ '[^[:alnum:] \n]'$$, c.relation, c.folded);
    END LOOP;
END $do$;

DO $do$
DECLARE
    c record;
BEGIN
    FOR c IN
        SELECT a.attrelid::regclass AS relation, a.attname AS name, a.atttypid = 'text[]'::regtype AS is_list,
               a.attname IN ('telecom', 'phone', 'email', 'contact') AS is_contact
          FROM pg_attribute a JOIN pg_class t ON t.oid = a.attrelid
         WHERE t.relnamespace = current_schema()::regnamespace AND t.relkind = 'r' AND a.attnum > 0
           AND (regexp_replace(t.relname, '_(contained|history)$', ''), a.attname) IN (
               ('auditevent', 'altid'), ('auditevent', 'site'), ('codesystem', 'workflow'), ('valueset', 'workflow'),
               ('medication', 'lot_number'), ('medicationknowledge', 'monitoring_program_name'),
               ('medicationknowledge', 'source_cost'), ('structuredefinition', 'base_path'),
               ('structuredefinition', 'path'), ('subscription', 'contact'), ('namingsystem', 'telecom'),
               ('organizationaffiliation', 'telecom'), ('organizationaffiliation', 'phone'),
               ('organizationaffiliation', 'email'), ('patient', 'telecom'), ('patient', 'phone'), ('patient', 'email'),
               ('person', 'telecom'), ('person', 'phone'), ('person', 'email'), ('practitioner', 'telecom'),
               ('practitioner', 'phone'), ('practitioner', 'email'), ('practitionerrole', 'telecom'),
               ('practitionerrole', 'phone'), ('practitionerrole', 'email'), ('relatedperson', 'telecom'),
               ('relatedperson', 'phone'), ('relatedperson', 'email'))
    LOOP
        EXECUTE format(CASE WHEN NOT c.is_list THEN 'UPDATE %1$s SET %2$I = fhir_fold_case(%2$I) WHERE %2$I IS NOT NULL'
                            WHEN c.is_contact THEN
                $$UPDATE %1$s SET %2$I = (SELECT array_agg(DISTINCT coalesce(nullif(regexp_replace(fhir_fold_case(v),
                     '[^0-9a-z\u0080-\uFFFF]', '', 'g'), ''), v)) FROM unnest(%2$I) v) WHERE %2$I IS NOT NULL$$
                            ELSE 'UPDATE %1$s SET %2$I = (SELECT array_agg(DISTINCT fhir_fold_case(v)) FROM unnest(%2$I) v)
                     WHERE %2$I IS NOT NULL' END, c.relation, c.name);
    END LOOP;
END $do$;
