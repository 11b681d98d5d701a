-- SPDX-License-Identifier: Apache-2.0
-- A developer learns to which facilities each practice has limited its authorization, not only the practice of the
-- portal. Replaces a function of 024-practices.sql; a practice whose schema is older has no such limit.
DROP FUNCTION fhir_app_states(text, text);
CREATE FUNCTION fhir_app_states(here text, app text) RETURNS TABLE (practice text, environment text, client text,
    state text, words text, changed text, until text, facilities text) LANGUAGE plpgsql STABLE AS $$
DECLARE
    is_open boolean;
BEGIN
    FOR practice, is_open IN EXECUTE format('SELECT p.practice, %1$I.fhir_practice_takes(p.practice) FROM '
            '%1$I.fhir_app_practice p WHERE p.app = $1 ORDER BY p.asked DESC, p.practice', here) USING app LOOP
        IF is_open THEN
            RETURN QUERY EXECUTE format('SELECT %2$L, c.environment, c.id, s.state, l.words, to_char(l.changed, '
                    '''YYYY-MM-DD HH24:MI''), coalesce(to_char(l.expires, ''YYYY-MM-DD''), ''''), (SELECT '
                    'string_agg(coalesce(o.resource::json ->> ''name'', f.id), '', '' ORDER BY f.n) FROM '
                    'jsonb_array_elements_text(to_jsonb(l) -> ''facilities'') WITH ORDINALITY f (id, n) LEFT JOIN '
                    '%2$I.organization o ON o.id = f.id WHERE s.state = ''given'') FROM %2$I.fhir_client c JOIN '
                    '%2$I.fhir_app a ON a.id = c.app AND a.home = %1$L JOIN %2$I.fhir_licence l ON l.client = c.id '
                    'CROSS JOIN LATERAL (SELECT CASE WHEN l.state = ''given'' AND l.expires <= now() THEN ''ended'' '
                    'ELSE l.state END) s (state) WHERE c.app = $1 ORDER BY c.environment DESC', here, practice)
                    USING app;
        END IF;
        IF NOT is_open OR NOT FOUND THEN
            RETURN QUERY SELECT practice, NULL, NULL, CASE WHEN is_open THEN 'none' ELSE 'away' END, '', '', '', NULL;
        END IF;
    END LOOP;
END $$;
