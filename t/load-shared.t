# SPDX-License-Identifier: Apache-2.0
# fhirctl load on data that others made: Synthea's Bundles, a bulk export, HL7's and US Core's examples.
# Everything is loaded, or rejected for a reason that is checked here.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::System qw(read_file source_dir work_dir);
use JSON::PP ();
use Test::More;

my $data = source_dir() . '/../shared/fhir';
plan skip_all => 'the shared FHIR data is not beside the source tree' unless -d $data;

my $t = FHIR::Test->new(start => 0);
my $json = JSON::PP->new->utf8->canonical;
my $rejects = work_dir() . '/rejects.ndjson';

# Loads; gives the counts and the rejects as "file reason".
sub load {
    my @paths = @_;
    unlink $rejects;
    my $done = $t->fhirctl('load', '--quiet', '--rejects', $rejects, @paths);
    (my $numbers = $done->{out}) =~ s/,(?=\d)//g;
    my %count = reverse $numbers =~ /(\d+) (new|changed|unchanged|rejected)/g;
    my @rejects = map { my $r = $json->decode($_); $r->{file} =~ s{.*/}{}r . " $r->{reason}" }
        -e $rejects ? split(/\n/, read_file($rejects)) : ();
    return (\%count, @rejects);
}

sub loads {
    my ($name, $expected, @paths) = @_;
    my ($count, @rejects) = load(@paths);
    ok $count->{new} > 50, "$name: $count->{new} new, $count->{changed} changed, $count->{unchanged} unchanged";
    is_deeply [ grep { $_ !~ $expected } @rejects ], [], "$name: rejects have a true reason";
    return $count;
}

my $none = qr/^\b$/;
my $first = loads('synthea-r4', $none, "$data/synthea-r4");
loads('synthea-r4-uscore', $none, "$data/synthea-r4-uscore");
loads('bulk-10-patients', qr/^log\.ndjson .*not a FHIR resource/, "$data/bulk-10-patients");
my $get = qr/^bundle-request-simplesummary\.json the entry's request is GET/;
my $named = qr/eventdefinition-example|questionnaire-zika-virus-exposure-assessment/;
my $empty = qr/^(?:$named)\.json .*narrative has no content/;
my $unserved = qr/^subscription-example\.json A Subscription cannot be stored/;
loads('r4/pairs', qr/$get|$empty|$unserved/, "$data/r4/pairs");
my ($again) = load("$data/synthea-r4", "$data/r4/pairs");
is "$again->{new} $again->{changed}", '0 0', 'again: nothing new, nothing changed';
cmp_ok $again->{unchanged}, '>', $first->{new}, 'all is there';

for my $version (qw(311 400 501 610 700 800)) {
    my $folder = work_dir() . "/us_core_$version";
    mkdir $folder;
    is system('tar', '-xzf', "$data/us-core/us_core_$version.tgz", '-C', $folder, 'package/example'), 0,
        "US Core $version unpacked";
    my ($count, @rejects) = load("$folder/package/example");
    ok $count->{new} + $count->{changed} + $count->{unchanged} > 50, "US Core $version: examples are loaded";
    # &nbsp; is no entity of XML
    is_deeply [ map { /^(\S+) .*(?:entities of HTML|unknown entity)/ ? $1 : $_ } sort @rejects ],
        [ $version == 501 ? qw(Encounter-example-1.json Procedure-defib-implant.json) : () ],
        "US Core $version: rejects have a true reason";
}

# References lead to resources, by id.
my @linked = qw(observation encounter condition diagnosticreport claim explanationofbenefit careplan provenance);
for my $table (@linked) {
    is $t->psql(qq{SELECT count(*) FROM main."$table" WHERE resource LIKE '%"reference":"urn:%' OR resource LIKE
        '%?identifier=%'}),
        0, "$table: no urn:uuid and no condition is left";
}
is $t->psql(q{SELECT count(*) FROM main.observation o WHERE resource LIKE '%synthea%' AND NOT EXISTS (SELECT FROM
    main.patient p WHERE p.id = o.patient)}),
    0, 'each Synthea observation has its patient';

# What is stored says the same as its row, and as its source.
my @tables = split /\n/, $t->psql(q{SELECT relname FROM pg_class WHERE relnamespace = 'main'::regnamespace AND
    relkind = 'r'
    AND relname NOT LIKE 'fhir\_%' AND relname NOT LIKE '%\_history' AND relname NOT LIKE '%\_contained'
    AND pg_relation_size(oid) > 0});
cmp_ok scalar @tables, '>', 100, 'more than a hundred types have rows';
my $wrong = join ' UNION ALL ', map { qq{SELECT id FROM main."$_" WHERE resource::json->>'id' <> id
    OR (resource::json->'meta'->>'versionId')::int <> version
    OR (resource::json->'meta'->>'lastUpdated')::timestamptz <> last_updated} } @tables;
is $t->psql($wrong), '', 'id, version and time are in the text as in the columns';

my ($file) = glob "$data/synthea-r4/Clemente*";
my $bundle = $json->decode(read_file($file));
my %id = map { ($_->{fullUrl} => "$_->{resource}{resourceType}/$_->{resource}{id}") } @{ $bundle->{entry} };
my ($same, %differs) = (0);
for my $resource (map { $_->{resource} } @{ $bundle->{entry} }) {
    my $stored = $json->decode($t->psql("SELECT resource FROM main.\"\L$resource->{resourceType}\E\" WHERE id =
        '$resource->{id}'"));
    delete @{ $stored->{meta} }{qw(versionId lastUpdated)};
    delete $stored->{meta} unless %{ $stored->{meta} };
    my $want = $json->encode($resource) =~ s/"(urn:uuid:[^"]+)"/'"' . ($id{$1} || $1) . '"'/ger;
    $json->encode($stored) eq $want ? $same++ : $differs{"$resource->{resourceType}/$resource->{id}"}++;
}
is_deeply [ sort keys %differs ], [], "$same resources are stored as they were sent, with their references rewritten";
$t->done;
