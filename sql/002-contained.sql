-- SPDX-License-Identifier: Apache-2.0
-- Contained resources, for searches with _contained: one table for each type, of the columns of its
-- own table and the container. A row counts while its version is the container's current one.
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
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING COMPRESSION '
            'INCLUDING STORAGE, '
            'holder_type text COLLATE "C" NOT NULL, holder_id text COLLATE "C" NOT NULL, '
            'PRIMARY KEY (holder_type, holder_id, version, id))',
            resource_table || '_contained', resource_table);
    END LOOP;
END $$;
