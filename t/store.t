# SPDX-License-Identifier: Apache-2.0
# The store against a real server: runs t/unit/store_server, whose TAP this is; or, with
# FHIR_TEST_THREADS=1, the same under ThreadSanitizer (make t/unit/store_threads).
use strict;
use warnings;
use FHIR::Test::Postgres;
use FHIR::Test::System qw(built);

# a cluster of its own: the program terminates every other connection
my $cluster = FHIR::Test::Postgres::start_cluster();
my $database = $cluster->create_database(plain => 1);
my @valgrind = $ENV{FHIR_TEST_VALGRIND} ? qw(valgrind -q --error-exitcode=99) : ();
my $program = $ENV{FHIR_TEST_THREADS} ? 'store_threads' : 'store_server';
system(@valgrind, built("t/unit/$program"), $cluster->conninfo($database, 'fhir'));
exit($? >> 8 || ($? ? 1 : 0));
