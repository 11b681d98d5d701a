#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Plans of searches: PostgreSQL's generic plan, which serves a prepared statement for all values,
# must find a patient's rows by the index, a long record's in its order, and no search of US Core may
# read a large table from end to end.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::System qw(built read_file run write_file);
use Test::More;

my $t = FHIR::Test->new(own_cluster => 1);
my $sample = run({}, built('fhirctl'), 'sample', '--patients', 16, '--seed', 3, '--as-of', '2026-01-01');
$t->load(write_file(work_dir() . '/sample.ndjson', $sample->{out}));
$t->psql('VACUUM ANALYZE');
$t->psql(q{ALTER SYSTEM SET log_statement = 'all'});
$t->psql('SELECT pg_reload_conf()');
my $log = $t->cluster->{log};

# The plan of the statement that a request sends, for any values.
sub plan_of {
    my ($path) = @_;
    my $seen = -s $log;
    my $r = $t->get("/dev/r4/$path");
    is $r->status, 200, $path or return '';
    my ($sql) = substr(read_file($log), $seen) =~ /execute [^:]+: (SELECT t\.id.*?)\n(?=\S)/s or return 'no statement';
    my $n = 0;
    $n = $_ > $n ? $_ : $n for $sql =~ /\$(\d+)/g;
    my $values = $n ? '(' . join(', ', ('NULL') x $n) . ')' : '';
    return $t->psql("SET plan_cache_mode = force_generic_plan; PREPARE p AS $sql; EXPLAIN (COSTS OFF) EXECUTE p$values");
}

my ($patient) = split /\n/, $t->psql('SELECT patient FROM main.observation GROUP BY 1 ORDER BY count(*) DESC LIMIT 1');

# ---- one patient ----

for (
    [ Observation       => 'category=vital-signs' ],
    [ Observation       => 'category=vital-signs&date=ge2015&_count=50' ],
    [ Observation       => 'code=http://loinc.org|8867-4,8302-2' ],
    [ Observation       => 'category=laboratory&status=final,amended' ],
    [ Encounter         => 'date=ge2010' ],
    [ Condition         => 'category=problem-list-item&clinical-status=active' ],
    [ MedicationRequest => 'intent=order&status=active' ],
    [ DiagnosticReport  => 'category=LAB&date=ge2010' ],
    [ DocumentReference => 'type=11506-3' ],
    [ Procedure         => 'date=lt2030' ],
    )
{
    my ($type, $query) = @$_;
    my $plan = plan_of("$type?patient=$patient&$query");
    like $plan, qr/_patient_patient_date_idx/, '  reads the rows of the patient alone' or diag $plan;
    # where a patient has a few rows, sorting them is as good
    like $plan, qr/Index Scan (?:Backward )?using/, '  in the order of the index' or diag $plan if $type eq 'Observation';
    unlike $plan, qr/Seq Scan/, '  and reads no table whole';
}

# ---- without a patient: what US Core asks for has an index ----

for ('Patient?name=smith', 'Patient?identifier=urn:x|1', 'Patient?family=oka&birthdate=1980',
    'Practitioner?name=lee', 'Practitioner?identifier=1', 'Observation?_id=1', 'Encounter?_id=1')
{
    my $plan = plan_of($_);
    # tables that hold a page or two are read whole, whatever indexes they have
    unlike $plan, qr/Seq Scan on (?:observation|encounter|condition|procedure)/, '  reads no large table whole' or diag $plan;
}

$t->done;
