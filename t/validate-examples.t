#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# HL7's own examples are valid, in JSON and XML, against the base and their profiles, but for what is
# listed here with its reason; single faults in them are found at the right element.
use strict;
use warnings;
use Archive::Tar;
use File::Basename qw(basename);
use FHIR::Test::System qw(built run source_dir work_dir write_file);
use Test::More;

my $shared = source_dir() . '/../shared/fhir';
plan skip_all => 'HL7\'s examples are not beside the source tree' unless -d "$shared/r4/pairs";
plan skip_all => 'Archive::Tar cannot read gzip' unless Archive::Tar->has_zlib_support;

# Faults of the examples themselves: "file id expression".
my @FAULTY = (
    # references to types that their elements do not allow
    'devicemetric-example reference-target DeviceMetric.parent',
    'deviceusestatement-example reference-target DeviceUseStatement.reasonReference[0]',
    # a generated narrative without text
    'eventdefinition-example narrative EventDefinition.text.div',
    'questionnaire-zika-virus-exposure-assessment narrative Questionnaire.text.div',
    # fullUrl and id differ
    'message-request-link bundle-full-url Bundle.entry[2].fullUrl',
    'message-response-link bundle-full-url Bundle.entry[3].fullUrl',
    # us-core-race, an extension of Patient, as a CodeableConcept on an Observation
    'observation-example-genetics-brcapat extension-context Observation.extension[1]',
    'observation-example-genetics-brcapat profile-min Observation.extension[1]',
    'observation-example-genetics-brcapat slice-min Observation.extension[1]',
    'observation-example-genetics-brcapat profile-max Observation.extension[1].value.ofType(CodeableConcept)',
);
my $BUNDLE = 'Bundle-66c8856b-ba11-4876-8aa8-467aad8c11a2 bundle-full-url Bundle.entry[2].fullUrl';
my $RELATIVE = 'Bundle-uscore-mo3 bundle-full-url Bundle.entry[1].fullUrl';    # is no absolute URL
my %US_CORE = (
    '3.1.1' => [
        $BUNDLE,
        $RELATIVE,
        # "EQH/..AgME" is no base64
        'DiagnosticReport-cardiology-report primitive-format DiagnosticReport.presentedForm[0].hash',
        # L/min is not among the units that the profile requires
        'Observation-satO2-fiO2 binding-required Observation.component[0].value.ofType(Quantity)',
    ],
    '4.0.0' => [ $BUNDLE, $RELATIVE ],
    '5.0.1' => [
        $BUNDLE,
        # &nbsp; is no entity of XML
        'Encounter-example-1 narrative Encounter.text.div',
        'Procedure-defib-implant narrative Procedure.text.div',
    ],
    '6.1.0' => [ $BUNDLE, 'Bundle-docref-example-2 bundle-full-url Bundle.entry[2].fullUrl' ],
    '7.0.0' => [],
    '8.0.0' => [],
);

# Errors as "file id expression", sorted, and the number of documents.
sub errors {
    my (@arguments) = @_;
    my $done = run({}, built('fhirctl'), 'validate', '--quiet', @arguments);
    my @found = map { m{([^/]+)\.(?:json|xml):\d+:\d+: error (\S+)(?: at (\S+))?: } ? "$1 $2 $3" : () }
        split /\n/, $done->{out};
    my ($documents) = $done->{out} =~ /^(\d+) documents in/m;
    return ($documents, join "\n", sort @found);
}

my ($documents, $found) = errors("$shared/r4/pairs");
is($documents, 315, 'all R4 examples in JSON');
is($found, join("\n", sort @FAULTY), 'are valid but for their own faults');
my @xml = glob "$shared/r4/pairs/*.xml";
($documents, $found) = errors(@xml);
is($documents, 315, 'all R4 examples in XML');
is($found, join("\n", sort @FAULTY), 'have the same faults');
($documents, $found) = errors(glob "$shared/r4/pairs-special/*.json");
is("$documents $found", '2 ', 'the special ones are valid');

for my $release (sort keys %US_CORE) {
    my $name = $release =~ s/\.//gr;
    my $folder = work_dir() . "/us-core-$name";
    mkdir $folder;
    my $next = Archive::Tar->iter("$shared/us-core/us_core_$name.tgz", 1,
        { filter => qr{^package/example/\w[^/]*\.json$} });
    my $count = 0;
    while (my $file = $next->()) {
        write_file("$folder/" . basename($file->name), $file->get_content);
        $count++;
    }
    ($documents, $found) = errors('--release', $release, $folder);
    cmp_ok($count, '>', 80, "US Core $release has examples");
    is($documents, $count, 'all were read');
    is($found, join("\n", sort @{ $US_CORE{$release} }), 'and are valid but for their own faults');
}

my @files = glob "$shared/r4/pairs/*.json";
my $done = run({}, built('t/unit/validate_mutate'), 5, @files);
my ($valid, $faults, $missed) = $done->{out} =~ /(\d+) files, (\d+) faults, (\d+) missed/;
cmp_ok($valid, '>', 300, 'valid files were mutated');
cmp_ok($faults, '>', 20_000, 'faults were made');
is($missed, 0, 'each was found at its element') or diag $done->{out};
done_testing;
