#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Plans of searches. A prepared statement's generic plan, which serves all values, must find a
# patient's rows by the index, a long record's in its order. No search that US Core demands, nor one of
# those that are hard, may read a large table from end to end; nor would it, if all tables were large.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::Searches qw(@ONE_PATIENT @OTHERS @HARD lists patients requests);
use FHIR::Test::System qw(built read_file run write_file);
use Test::More;

my $t = FHIR::Test->new(own_cluster => 1);
my $sample = run({}, built('fhirctl'), 'sample', '--patients', 24, '--seed', 3, '--as-of', '2026-01-01');
$t->load(write_file(work_dir() . '/sample.ndjson', $sample->{out}));
$t->psql('VACUUM ANALYZE');
$t->psql(q{ALTER SYSTEM SET log_statement = 'all'});
$t->psql('SELECT pg_reload_conf()');
my $log = $t->cluster->{log};
my $large = join '|', split /\n/, $t->psql(q{SELECT relname FROM pg_class WHERE relkind = 'r' AND reltuples > 300
    AND relnamespace = 'main'::regnamespace});
like $large, qr/\bobservation\b/, "large tables: $large";

# The searches' statements that a request sends: [SQL, values, whether it is prepared].
sub statements {
    my ($path) = @_;
    my $seen = -s $log;
    my $r = $t->get("/dev/r4/$path");
    is $r->status, 200, $path or diag $r->body;
    my $text = substr read_file($log), $seen;
    my @found;
    while ($text =~ /execute (\S+): (\(?SELECT [^\n]*)\n[^\n]*DETAIL:  parameters: (.*?)\n(?!\t)/sg) {
        my ($name, $sql, $values) = ($1, $2, $3);
        next if $sql =~ /fhir_migration/;
        $values =~ s/\n\t/\n/g;
        push @found, [ $sql, [ $values =~ /\$\d+ = ('(?:[^']|'')*')/g ], $name ne '<unnamed>' ];
    }
    ok scalar @found, '  sends a statement';
    return @found;
}

# As PostgreSQL plans it for the server: for any values when it is prepared, else for these.
sub plan_of {
    my ($statement, $settings) = @_;
    my ($sql, $values, $prepared) = @$statement;
    my $mode = $prepared ? 'force_generic_plan' : 'force_custom_plan';
    my $list = @$values ? '(' . join(', ', @$values) . ')' : '';
    return $t->psql(($settings // '')
        . "SET plan_cache_mode = $mode; PREPARE p AS $sql; EXPLAIN (COSTS OFF) EXECUTE p$list");
}

# ---- chains by one of several references ----

for ('Provenance?target:Observation.date=ge2015', 'Provenance?target:Observation._id:not=x') {
    my $plan = (map { plan_of($_) } statements($_))[-1];
    like $plan, qr/using observation_pkey on observation.*\n\s*Index Cond:/, '  looks up what is named' or diag $plan;
    unlike $plan, qr/Join Filter: \(SubPlan/, '  and does not compare all with all' or diag $plan;
}

# ---- one patient's long record, in its order ----

my ($patient) = split /\n/, $t->psql('SELECT patient FROM main.observation GROUP BY 1 ORDER BY count(*) DESC LIMIT 1');
for ('category=vital-signs', 'category=vital-signs&date=ge2015&_count=50', 'code=http://loinc.org|8867-4,8302-2',
    'category=laboratory&status=final,amended', '_sort=-date') {
    my ($plan) = map { plan_of($_) } statements("Observation?patient=$patient&$_");
    like $plan, qr/Index Scan (?:Backward )?using observation_patient_patient_date_idx/, '  in the order of the index'
        or diag $plan;
}

# ---- no large table is read whole ----

# Nothing but these words would find the rows, and no index is there for them by default.
my $must = qr/^(?:zero matches, no index|sort by date, all|_has, rare|_has two steps)$/;
my $sql = sub { $t->psql("SET search_path = main; $_[0]") };
my $lists = lists($sql, patients($sql, 3, 60));
my %wanted = map { $_->[0] =~ $must ? () : (($_->[1] =~ s/ [@+]\d*$//r) => 1) } @HARD;
$wanted{$_} = 1 for @ONE_PATIENT, @OTHERS, qw(Patient/<p>/Observation Patient/<p>/Condition Patient/<p>/*
    Patient/<p>/$everything
    Observation?performer=Patient/<p> Observation?subject=<p> Encounter?subject=http://x.org/Patient/1
    Condition?patient=<p>&_sort=recorded-date);
# A template's first request; of one whose values are not in the data, none.
my %without;
sub first_of {
    my ($template) = @_;
    my ($path) = requests($template, $lists, 1);
    $without{$template} = 1 unless defined $path;
    return $path // ();
}
for my $template (sort keys %wanted) {
    my ($path) = first_of($template) or next;
    for my $statement (statements($path)) {
        my $plan = plan_of($statement);
        unlike $plan, qr/Seq Scan on (?:$large)\b/, '  reads no large table whole' or diag "$statement->[0]\n$plan";
    }
}

# What is of one patient, or has an index, is found by it: were all tables large, too. Those of practices
# are so small here that walking through the primary key seems cheaper than any search.
for my $template (@ONE_PATIENT, @OTHERS) {
    my ($path) = first_of($template) or next;
    my $off = $template =~ /=<p>/ ? 'SET enable_seqscan = off; '
        : 'SET enable_seqscan = off; SET enable_indexscan = off; ';
    my ($plan) = map { plan_of($_, $off) } statements($path);
    unlike $plan, qr/Seq Scan/, '  has an index' or diag $plan;
    like $plan, qr/Index Cond: (?:\(*(?:patient =|id =|\w+ (?:~~|&&|=|>|<))|.* \|\| .* && )/,
        '  that is searched, not walked through'
        or diag $plan;
}

is join("\n", sort keys %without), '', 'the data has values for each';

# An index of dates holds the order of the newest first, and is for ranges, too.
$t->fhirctl('index', 'add', 'Observation', 'date');
for ('Observation?code=8867-4&_sort=-date&_count=20', 'Observation?date=gt2020-01-01&_sort=-date&_count=20') {
    my ($plan) = map { plan_of($_, 'SET enable_seqscan = off; ') } statements($_);
    like $plan, qr/Index Scan using observation_date_low_idx/, '  walks along the index of dates' or diag $plan;
}

# A page far behind begins where it begins: the order's index is entered there.
for ("Observation?patient=$patient&_count=50", 'Observation?category=vital-signs&_count=50',
    'Observation?_sort=_lastUpdated&_count=20') {
    my ($next) = grep { $_->{relation} eq 'next' } @{ $t->get("/dev/r4/$_")->json->{link} };
    my ($plan) = map { plan_of($_) } statements($next->{url} =~ s{^.*/dev/r4/}{}r);
    like $plan, qr/Index Cond: .*(?:ROW\(|id|last_updated|patient_date)[^\n]* [<>]/, '  from the cursor on'
        or diag $plan;
}

# A page of $everything within one type takes three statements: whether there is the patient, the page, what it refers
# to. Rows carry their references, and which types have rows is in the link.
my $path = "Patient/$patient/\$everything?_count=50";
for (my $n = 0; $path and $n < 20; $n++) {
    my $page = $t->get("/dev/r4/$path")->json;
    my %types = map { $_->{search}{mode} eq 'match' ? ($_->{resource}{resourceType} => 1) : () } @{ $page->{entry} };
    last if $n and keys %types == 1;
    ($path) = map { $_->{relation} eq 'next' ? $_->{url} =~ s{^.*/dev/r4/}{}r : () } @{ $page->{link} };
}
cmp_ok scalar(statements($path)), '<=', 3, '$everything: few statements a page';

$t->done;
