# SPDX-License-Identifier: Apache-2.0
# fhirctl init and index: run again they change nothing, and bad command lines say what is accepted.
use strict;
use warnings;
use FHIR::Test;
use Test::More;

my $t = FHIR::Test->new(start => 0);

sub ctl {
    my ($status, $pattern, @arguments) = @_;
    my $done = $t->fhirctl(@arguments);
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is $done->{status}, $status, "fhirctl @arguments: exit $status" or diag($done->{out}, $done->{err});
    like $done->{out} . $done->{err}, $pattern, "fhirctl @arguments: what it says";
    return $done;
}

# ---- the command line ----

ctl(2, qr/Usage: fhirctl COMMAND/);
ctl(0, qr/  load .*\n/, '--help');
my ($version) = FHIR::Test::System::read_file(build_dir() . '/config.status') =~ /^S\["PACKAGE_VERSION"\]="(.*)"/m;
ctl(0, qr/^fhirctl of mod_fhir \Q$version\E$/, '--version');
ctl(2, qr/no command "lode"; fhirctl --help/, 'lode');
ctl(0, qr/Usage: fhirctl $_/, $_, '--help') for qw(index init load);
ctl(2, qr/init takes no arguments/, 'init', 'main');
ctl(2, qr/--tenant Main: not accepted; it takes a schema's name: a-z/, 'init', '--tenant', 'Main');
ctl(3, qr/no connection to the database/, 'init', '--conninfo', 'dbname=nowhere');

# ---- init ----

my $tables = q{SELECT count(*) FROM pg_tables WHERE schemaname = '%s'};
my $before = $t->psql(sprintf $tables, 'main');
my $key = $t->psql(q{SELECT encode(key, 'hex') FROM main.fhir_key WHERE name = 'cursor'});
like $key, qr/^[0-9a-f]{64}$/, 'a key for page links';
my $again = ctl(0, qr/schema "main" .* is ready/, 'init');
unlike $again->{out}, qr/: done/, 'nothing is run again';
is $t->psql(sprintf $tables, 'main'), $before, 'the same tables';
is $t->psql(q{SELECT encode(key, 'hex') FROM main.fhir_key WHERE name = 'cursor'}), $key, 'the same key';
ctl(0, qr/001-r4-tables: done/, 'init', '--tenant', 'second');
is $t->psql(sprintf $tables, 'second'), $before, 'a second practice has tables of its own';
isnt $t->psql(q{SELECT encode(key, 'hex') FROM second.fhir_key}), $key, 'and a key of its own';

my $role = "clerk_$$";
$t->psql("CREATE ROLE $role");
ctl(0, qr/is ready/, 'init', '--role', $role);
is $t->psql("SELECT has_table_privilege('$role', 'main.patient', 'DELETE'), has_table_privilege('$role',
    'main.fhir_key', 'SELECT'),
    has_table_privilege('$role', 'main.fhir_key', 'UPDATE'), has_schema_privilege('$role', 'main', 'CREATE')"),
    't|t|f|f', 'a role has what it needs';
$t->psql("DROP OWNED BY $role; DROP ROLE $role");
ctl(3, qr/role "nobody_here" does not exist/, 'init', '--role', 'nobody_here');

$t->psql(q{UPDATE second.fhir_migration SET digest = 'x' WHERE name = '001-r4-tables'});
ctl(3, qr/made by another edition of 001-r4-tables/, 'init', '--tenant', 'second');
ctl(3, qr/another edition of 001-r4-tables/, 'index', 'list', '--tenant', 'second');
$t->psql(q{DELETE FROM second.fhir_migration WHERE name = '002-contained'});
$t->psql(q{UPDATE second.fhir_migration s SET digest = m.digest FROM main.fhir_migration m
    WHERE m.name = s.name});
ctl(3, qr/older version of mod_fhir \(002-contained is missing\); run fhirctl init/,
    'index', 'list', '--tenant', 'second');
$t->psql(q{INSERT INTO main.fhir_migration (name, digest) VALUES ('999-later', '')});
ctl(3, qr/newer version of mod_fhir \(999-later is unknown\); update/, @$_) for [qw(index list)], ['init'];
$t->psql(q{UPDATE main.fhir_migration SET name = '999-later-compatible' WHERE name = '999-later'});
ctl(0, qr/observation/, qw(index list));
$t->psql(q{DELETE FROM main.fhir_migration WHERE name = '999-later-compatible'});
ctl(0, qr/is ready/, 'init');
ctl(3, qr/schema "third" .*does not exist, or has no tables of mod_fhir; run fhirctl init/,
    'index', 'list', '--tenant', 'third');

my $ascii = "ascii_$$";
$t->psql("CREATE DATABASE $ascii TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'");
ctl(3, qr/database $ascii has the encoding SQL_ASCII: FHIR needs UTF8; .* createdb --template template0/,
    'init', '--conninfo', "dbname=$ascii");
$t->psql("DROP DATABASE $ascii");

# ---- index ----

my $is_there = sub { $t->psql("SELECT count(*) FROM pg_indexes WHERE schemaname = 'main' AND indexname = '$_[0]'") };
ctl(0, qr/^observation_value_concept_idx made$/m, 'index', 'add', 'Observation', 'value-concept');
ctl(0, qr/^observation_value_concept_idx is there$/m, 'index', 'add', 'Observation', 'value-concept');
like $t->psql(q{SELECT indexdef FROM pg_indexes WHERE indexname = 'observation_value_concept_idx'}),
    qr/USING gin \(value_concept\)/, 'GIN for tokens';
ctl(0, qr/value_quantity_low_idx made/, 'index', 'add', 'Observation', 'value-quantity', 'value-string', 'encounter');
like $t->psql(q{SELECT indexdef FROM pg_indexes WHERE indexname = 'observation_value_string_idx'}), qr/gin_trgm_ops/,
    'trigrams for strings';
like $t->psql(q{SELECT indexdef FROM pg_indexes WHERE indexname = 'observation_encounter_idx'}),
    qr/USING btree \(encounter\)/, 'b-tree for a reference';
ctl(0, qr/component_code_idx made/, 'index', 'add', 'Observation', 'combo-code');
is $is_there->('observation_code_idx'), 1, 'a union has the indexes of its parts';
ctl(0, qr/^observation_value_concept_idx .* USING gin/m, 'index', 'list', 'Observation');
$t->psql(q{UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'main.observation_value_concept_idx'::regclass});
ctl(0, qr/not complete: add it again/, 'index', 'list', 'Observation');
ctl(0, qr/^observation_value_concept_idx made$/m, 'index', 'add', 'Observation', 'value-concept');
ctl(0, qr/^observation_value_concept_idx dropped$/m, 'index', 'drop', 'Observation', 'value-concept');
is $is_there->('observation_value_concept_idx'), 0, 'it is gone';
ctl(0, qr/is not there/, 'index', 'drop', 'Observation', 'value-concept');
ctl(2, qr/Observation has no search parameter nix; it has .*value-concept/, 'index', 'add', 'Observation', 'nix');
ctl(2, qr/Nix is not a resource type/, 'index', 'add', 'Nix', 'code');
ctl(2, qr/cannot have an index: its values are several ranges/, 'index', 'add', 'Observation',
    'component-value-quantity');
ctl(2, qr/add TYPE PARAMETER/, 'index', 'add', 'Observation');

$t->done;
