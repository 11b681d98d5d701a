# SPDX-License-Identifier: Apache-2.0
# Whatever is asked within the limits of syntax, over sample data: none takes more than two seconds of the
# server's CPU time, or 100 MB of httpd and PostgreSQL together. t/bench/run queries asks for thousands.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::Costly;
use FHIR::Test::Httpd;
use FHIR::Test::System qw(built patience read_file run_ok work_dir write_file);
use Test::More;

my $t = FHIR::Test->new;
my $sample = write_file(work_dir() . '/sample.ndjson',
    run_ok({}, built('fhirctl'), 'sample', '--patients', 4, '--as-of', '2026-11-01'));
$t->load($sample);
$t->psql('VACUUM ANALYZE');
my ($postmaster) = read_file($t->psql('SHOW data_directory') . '/postmaster.pid') =~ /^(\d+)/;
my $costly = FHIR::Test::Costly->new(httpd => $t->httpd, base => '/dev/r4', postmaster => $postmaster,
    database => $t->database, seed => 7);
my $found = $costly->survey(300, patience(2));
is(scalar @{ $found->{slow} }, 0, 'none takes long') or diag(join "\n", @{ $found->{slow} });
SKIP: {
    skip 'the sanitizers keep what was freed', 1 if FHIR::Test::Httpd::sanitized();
    is(scalar @{ $found->{large} }, 0, 'none takes much memory') or diag(join "\n", @{ $found->{large} });
}
is(scalar @{ $found->{wrong} }, 0, 'all are answered, none with an internal error')
    or diag(join "\n", @{ $found->{wrong} });
my %states = %{ $found->{states} };
cmp_ok($states{2} // 0, '>', 50, 'many are answered') or diag(explain \%states);
cmp_ok($states{4} // 0, '>', 20, 'many are refused') or diag(explain \%states);

# Lists for several columns of one index: it must not be searched for each combination of their values.
$t->psql('ALTER DATABASE ' . $t->database . ' SET enable_seqscan = off');    # as where the table is large
$t->restart;
SKIP: {
    skip 'the sanitizers keep what was freed', 1 if FHIR::Test::Httpd::sanitized();
    my $cost = $costly->ask([ GET => '_history?_count=1000' ]);
    cmp_ok($cost->{memory}, '<', 40, sprintf 'a new session reads the history of all types: %.0f MB', $cost->{memory});
}
my $urls = join ',', map { "http://e.example/$_" } 1 .. 500;
my $form = "url=$urls&url=$urls&_profile=" . join ',', map { "urn:p$_" } 1 .. 30;
my $cost = $costly->ask([ 'POST', 'Device/_search', $form, 'application/x-www-form-urlencoded' ]);
is($cost->{status}, 200, 'two lists for columns of one index');
cmp_ok($cost->{cpu}, '<', patience(1), sprintf '  take %.2f s of CPU time', $cost->{cpu});
$t->done;
