-- SPDX-License-Identifier: Apache-2.0
-- The keys of a row: numbers by which one index finds texts and numbers of columns that have no index of their own
-- (docs/schema.md). Programs make them as they write a row; fhirctl fills the column of rows that were stored before,
-- and then makes the index.
DO $$
DECLARE
    resource_table text;
BEGIN
    FOR resource_table IN
        SELECT t.relname FROM pg_class t JOIN pg_class h
            ON h.relname = t.relname || '_history' AND h.relnamespace = t.relnamespace
        WHERE t.relnamespace = current_schema()::regnamespace AND t.relkind = 'r'
        ORDER BY t.relname COLLATE "C"
    LOOP
        EXECUTE format('ALTER TABLE %I ADD COLUMN terms integer[]', resource_table);
    END LOOP;
END $$;
