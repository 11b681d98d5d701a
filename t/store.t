# SPDX-License-Identifier: Apache-2.0
# The store against a real server: runs t/unit/store_server, whose TAP this is.
use strict;
use warnings;
use FHIR::Test::Postgres;
use FHIR::Test::System qw(built);

# a cluster of its own: the program terminates every other connection
my $cluster = FHIR::Test::Postgres::start_cluster();
my $database = $cluster->create_database(plain => 1);
my @valgrind = $ENV{FHIR_TEST_VALGRIND} ? qw(valgrind -q --error-exitcode=99) : ();
system(@valgrind, built('t/unit/store_server'), $cluster->conninfo($database, 'fhir'));
exit($? >> 8 || ($? ? 1 : 0));
