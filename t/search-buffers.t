#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Searches across the practice that a generator makes of what the server declares (t/lib/FHIR/Test/Buffers.pm): none
# reads a large table from end to end, and what PostgreSQL touches for each has a bound. t/bench/run buffers asks
# thousands, of more patients.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::Buffers;
use FHIR::Test::System qw(built run_ok write_file);
use Test::More;

my $t = FHIR::Test->new(endpoints => <<'CONF');
<Location "/dev/r4">
    FHIREndpoint R4 open
    FHIRTenant main
    FHIRExplain On
    Require local
</Location>
CONF
$t->load(write_file(work_dir() . '/sample.ndjson',
    run_ok({}, built('fhirctl'), 'sample', '--patients', 24, '--seed', 3, '--as-of', '2026-01-01')));
$t->psql('VACUUM ANALYZE');
my $buffers = FHIR::Test::Buffers->new(httpd => $t->httpd, base => '/dev/r4', seed => 5,
    sql => sub { $t->psql("SET search_path = main; $_[0]") });
ok scalar(grep { $_ eq 'Observation' } @{ $buffers->{types} }), 'Observations are a large table';
my @searches = $buffers->searches(60);
cmp_ok scalar @searches, '>', 100, 'searches: ' . @searches;
my @faults = map { $buffers->fault($_) // () } @searches;
is scalar @faults, 0, 'each is within its bound' or diag join "\n", @faults;
like $buffers->fault({ type => 'Observation', parts => ['method:missing=false'], more => [] }),
    qr/reads observation from end to end, \d+ buffers/, 'what has no index is beyond it';

# An id without a type is 146 references, each of which the planner would take for rather common.
like $t->get('/dev/r4/Provenance?target=x&_explain=true')->body, qr/ && \(SELECT \$\d+::text\[\]\)/,
    'a long list of references has no estimate of its own';
$t->done;
