#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# All R4 data there is, as DSTU2: every resource of a type that is served is valid by the model and by
# HL7's schema, has no words of R4, and is the same when it comes back, but for what is listed here with
# its reason. DSTU2's own examples come in, are valid R4, and go out the same.
use strict;
use warnings;
use File::Basename qw(basename);
use FHIR::Test::System qw(built read_file run source_dir work_dir write_file);
use IO::Uncompress::Gunzip qw(gunzip $GunzipError);
use Test::More;

my $shared = source_dir() . '/../shared/fhir';
plan skip_all => 'the shared FHIR data is not beside the source tree' unless -d $shared;

# Faults of the data itself.
my $FAULTS = qr{cardiology-report\.json[ ]\S+hash:[ ]
    | (?:defib-implant|Encounter-example-1)\.json[ ]\S+text\.div:[ ]
    | careTeam\[0\]:[ ]A[ ]reference[ ]to[ ]CarePlan}x;
# Elements that may refer to types that are not served.
my $LINKS = join '|', qw(derivedFrom requester basedOn link endpoint productReference contract payor target other
    subject request valueReference item);

# What differs after R4, DSTU2, R4, and why.
my @R4_DIFFERS = (
    [ qr/^new \S+\.text$/ => 'a concept shows the display of its coding as text' ],
    [ qr/^changed (?:Encounter|Procedure)\.text\.div$/ => 'an entity of HTML in a narrative' ],
    [ qr/^lost \S+\.meta(?:\.profile)?$/ => 'profiles are of a release' ],
    [ qr/^\S+ CareTeam\b/ => 'comes back as the CarePlan that it is in DSTU2; nobody can write one' ],
    [ qr/^\S+ \S+\.contained/ => 'contained resources of R4 alone have no place' ],
    [ qr/^lost \S+(?:$LINKS)\.reference$/ => 'a type that is not served, or not allowed there' ],
    [ qr/^new \S+(?:$LINKS)\.display$/ => 'and is called by its type then' ],
    [ qr/^changed DocumentReference\.content\.format\.system$/ => 'R4 has two names for it, DSTU2 one' ],
    [ qr/^new DocumentReference\.extension$/ => 'created: from its first attachment' ],
    [ qr/^\S+ Observation\.referenceRange\.(?:type|appliesTo)$/ => 'both are meaning' ],
    [ qr/^lost CarePlan\.activity\.detail\.doNotPerform$/ => 'false is what DSTU2 always says' ],
    [ qr/^new (?:DiagnosticReport\.(?:issued|effectiveDateTime)|Observation\.issued)$/
            => 'required: from other elements' ],
    [ qr/^\S+ Observation\.category\.coding\.(?:system|code|display)$/ => 'the order of categories' ],
    [ qr/^new CarePlan\.title$/ => 'description of a plan without title' ],
    [ qr/^\S+ Coverage\.costToBeneficiary\.value(?:Money|Quantity)$/ => 'an extension has no Money' ],
    [ qr/^\S+ DocumentReference\.context\.related/ => 'one with identifier and reference becomes two' ],
    [ qr/^\S+ MedicationRequest\.dosageInstruction\.doseAndRate\.rate/ => 'a rate is a Ratio in DSTU2' ],
    [ qr/^\S+ RelatedPerson\.relationship/ => 'the order of relationships' ],
    [ qr/^changed Observation\.valueCodeableConcept\.coding\.code$/ => 'asked-declined and asked-unknown are asked' ],
    [ qr/^new Immunization\.performer\.function$/ => 'a performer of DSTU2 is who administers' ],
);
# What differs after DSTU2, R4, DSTU2, and why.
my @DSTU2_DIFFERS = (
    [ qr/^new \S+\.text$/ => 'a concept shows the display of its coding as text' ],
    [ qr/^changed \S+\.text\.div$/ => 'R4 wants the namespace' ],
    [ qr/^lost \S+\.meta$/ => 'profiles are told from what is there' ],
    [ qr/^lost (?:MedicationStatement\.wasNotTaken|Procedure\.notPerformed)$/ => 'false is the same as nothing' ],
    [ qr/^\S+ \S+\.contained/ => 'contained resources of DSTU2 alone have no place' ],
    [ qr/^lost \S+(?:$LINKS)\.reference$/ => 'a type that is not served, or no reference at all' ],
    [ qr/^new \S+(?:$LINKS)\.display$/ => 'and is unknown then' ],
    [ qr/^\S+ DocumentReference\.context\.related/ => 'one with identifier and reference becomes two' ],
    [ qr/^lost RelatedPerson\.name\._?family$/ => 'R4 has one family name' ],
    [ qr/^changed RelatedPerson\.name\.family$/ => 'R4 has one family name' ],
    [ qr/^new (?:MedicationOrder|CarePlan\.activity\.detail)\._status$/ => 'R4 requires a status' ],
    [ qr/^new Coverage\.(?:modifierExtension|extension)$/ => 'R4 requires a status and a beneficiary' ],
    [ qr/^changed Condition\.category\.coding\.code$/ => "the guide's example has a code that its value set has not" ],
    [ qr/^new (?:Observation\.issued|Slot\._freeBusyType)$/ => 'required, and not there' ],
    [ qr/^(?:lost Appointment\.participant\.type|new Appointment\.participant\.extension)$/
            => 'a required code without its system' ],
    [ qr/^new Procedure\.extension$/ => 'an order of the reasons' ],
);

sub unknown_differences {
    my ($known, @lines) = @_;
    my @unknown;
    for my $line (@lines) {
        my ($what, $count, $file) = $line =~ /^differs (\S+ \S+) (\d+) (.*)$/ or next;
        push @unknown, "$what ($count, $file)" unless grep { $what =~ $_->[0] } @$known;
    }
    return sort @unknown;
}

# Runs the files there and back; the lines that were said.
sub trip {
    my ($way, $release, $known, $name, @files) = @_;
    my $xml = work_dir() . "/$name.xml";
    my $done = run({}, built('t/unit/convert_run'), $way, '-trip', $xml, @files);
    my @lines = split /\n/, $done->{out};
    my ($count) = $done->{out} =~ /^resources (\d+)$/m;
    is $done->{status}, 0, "$name: all can be converted" or diag $done->{err};
    cmp_ok $count // 0, '>', 30, "$name: $count resources";
    is_deeply [ grep { /^(?:issue|back|xml)/ && $_ !~ $FAULTS } @lines ], [], "$name: are valid";
    is_deeply [ unknown_differences($known, @lines) ], [], "$name: come back as they were";
    my $schema = run({}, 'xmllint', '--noout', '--schema', "$shared/$release/xsd/fhir-single.xsd", $xml);
    # a narrative may say more than the schema lets it; R4's schema has MedicationStatement.status wrong
    my @invalid = grep { /error/ && !/xhtml\}(?:code|a)': This|'active', 'inactive', 'entered-in-error'/ }
        split /\n/, $schema->{err};
    is_deeply \@invalid, [], "$name: valid by HL7's schema";
    return $xml;
}

sub unpacked {
    my ($name, @files) = @_;
    my $folder = work_dir() . "/$name";
    mkdir $folder;
    for my $file (@files) {
        (my $to = "$folder/" . basename($file)) =~ s/\.gz$//;
        gunzip($file => $to) or die "$file: $GunzipError";
    }
    return glob "$folder/*";
}

my @xml = trip('out', 'dstu2', \@R4_DIFFERS, 'examples', glob "$shared/r4/pairs/*.json");
for my $version (qw(311 400 501 610 700 800)) {
    my $folder = work_dir() . "/us_core_$version";
    mkdir $folder;
    system('tar', '-xzf', "$shared/us-core/us_core_$version.tgz", '-C', $folder, 'package/example') and die;
    push @xml, trip('out', 'dstu2', \@R4_DIFFERS, "us-core-$version", glob "$folder/package/example/*.json");
}
push @xml, trip('out', 'dstu2', \@R4_DIFFERS, 'synthea', glob "$shared/synthea-r4/*.json");
push @xml, trip('out', 'dstu2', \@R4_DIFFERS, 'synthea-uscore',
    unpacked('synthea', glob "$shared/synthea-r4-uscore/*.json.gz"));
push @xml, trip('out', 'dstu2', \@R4_DIFFERS, 'bulk',
    unpacked('bulk', grep { !/log/ } glob "$shared/bulk-10-patients/*.ndjson.gz"));

# Words of R4 that must not be seen: types, systems, profiles.
my $R4_WORDS = join '|', '<extension url="[^"]*us-core-(?:race|ethnicity|birthsex)',
    'CodeSystem/(?:v3-|v2-)\w+"', '<profile value="[^"]*us/core',
    map { qr/<reference value="\Q$_\E/ } qw(MedicationRequest/ CareTeam/ ServiceRequest/ PractitionerRole/ Endpoint/);
for my $xml (@xml) {
    my @found = read_file($xml) =~ m{($R4_WORDS)}g;
    is_deeply \@found, [], basename($xml) . ': no words of R4';
}

trip('in', 'r4', \@DSTU2_DIFFERS, 'dstu2-examples', glob "$shared/dstu2/pairs/*.json");
trip('in', 'r4', \@DSTU2_DIFFERS, 'argonaut', glob "$shared/dstu2/argonaut/examples/*.json");
done_testing;
