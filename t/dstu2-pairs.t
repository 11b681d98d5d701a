#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# HL7's official examples that are there in both releases: R4's, converted, against DSTU2's, element by element.
# They were edited by hand for each release, so what differs is listed below, each once, with its reason.
use strict;
use warnings;
use FHIR::Test::System qw(built read_file run source_dir);
use JSON::PP ();
use Test::More;

my $shared = source_dir() . '/../shared/fhir';
plan skip_all => 'the shared FHIR data is not beside the source tree' unless -d $shared;

my %REASONS = (
    added => "R4's example says more",
    class => 'AMB is ambulatory by HL7\'s maps; the example of DSTU2 says outpatient',
    contact => 'the code of v2 stays, and the one of DSTU2 that says the same is beside it',
    edited => "R4's example has another value",
    false => 'false is the same as nothing',
    family => 'R4 has one family name',
    gone => "R4's example does not say it",
    lost => 'R4 has an element that DSTU2 has not: an extension',
    roles => 'roles and teams are resources of their own in R4',
    system => 'the example has a code of another system in R4, or one that DSTU2 has not',
    team => 'a care team is contained as the care plan that it is in DSTU2',
);
# Differences of every example.
my @EVERYWHERE = (
    [ qr/^more \S+\.text$/ => 'a concept shows the display of its coding as text' ],
    [ qr/^\S+ \S+\.text\.(?:div|status|extension)$/ => 'narratives are written for each release' ],
    [ qr/^\S+ \w+\.meta\b/ => 'profiles and tags are of a release' ],
);

my $json = JSON::PP->new->utf8;

# Comments of DSTU2's JSON, and what was there for them alone.
sub without_comments {
    my ($node) = @_;
    my @values = ref $node eq 'HASH' ? values %$node : ref $node eq 'ARRAY' ? @$node : ();
    without_comments($_) for @values;
    return $node unless ref $node eq 'HASH';
    delete $node->{fhir_comments};
    for my $name (keys %$node) {
        my $value = $node->{$name};
        my @left = ref $value eq 'HASH' ? %$value : ref $value eq 'ARRAY' ? grep { ref ? %$_ : defined } @$value : 1;
        delete $node->{$name} unless @left;
    }
    return $node;
}

my %differs;
sub compare {
    my ($is, $was, $path) = @_;
    if (ref $is ne ref $was) { $differs{"changed $path"}++ }
    elsif (ref $is eq 'HASH') {
        my %names = (%$is, %$was);
        for my $name (keys %names) {
            if (!exists $was->{$name}) { $differs{"more $path.$name"}++ }
            elsif (!exists $is->{$name}) { $differs{"less $path.$name"}++ }
            else { compare($is->{$name}, $was->{$name}, "$path.$name") }
        }
    }
    elsif (ref $is eq 'ARRAY') {
        my $n = @$is < @$was ? @$is : @$was;
        compare($is->[$_], $was->[$_], $path) for 0 .. $n - 1;
        $differs{ (@$is > $n ? 'more' : 'less') . " ${path}[]" }++ if @$is != @$was;
    }
    elsif ($is ne $was) { $differs{"changed $path"}++ }
    return;
}

# Examples by type and id.
sub examples { return map { my $file = $_; my $r = $json->decode(read_file($file));
    $r->{id} ? ("$r->{resourceType}/$r->{id}" => [ $r, $file ]) : () } glob "$shared/$_[0]/pairs/*.json" }
my %r4 = examples('r4');
my %dstu2 = examples('dstu2');
my @pairs = grep { $dstu2{$_} } sort keys %r4;
is scalar @pairs, 118, 'examples that are there in both releases';

# all at once; a type that is not served gives no line
my @files = map { $r4{$_}[1] } grep { !/^Bundle/ } @pairs;
my $done = run({}, built('t/unit/convert_run'), 'out', @files);
is $done->{status}, 0, 'are converted' or diag $done->{err};
my $compared = 0;
for my $line (split /\n/, $done->{out}) {
    my $is = $json->decode($line);
    my $was = $dstu2{"$is->{resourceType}/$is->{id}"} or next;
    compare($is, without_comments($was->[0]), $is->{resourceType});
    $compared++;
}
is $compared, 76, 'of types that are served';

my %known = map { /^(\S+ \S+) (\w+)$/ ? ($1 => $2) : () } <DATA>;
my @new = grep { my $what = $_; !$known{$what} && !grep { $what =~ $_->[0] } @EVERYWHERE } sort keys %differs;
is_deeply \@new, [], 'every difference is known';
is_deeply [ grep { !$differs{$_} } sort keys %known ], [], 'and what is listed differs';
is_deeply [ grep { !$REASONS{ $known{$_} } } sort keys %known ], [], 'for a reason';
done_testing;

__DATA__
more AllergyIntolerance.extension lost
changed AllergyIntolerance.substance.coding.code edited
changed AllergyIntolerance.substance.coding.display edited
more Appointment.extension lost
more Appointment.participant.type.coding.system added
more Appointment.reason added
changed Appointment.type.coding.code edited
changed Appointment.type.coding.display edited
more Appointment.type.coding.system added
more CarePlan.activity.actionResulting added
less CarePlan.activity.detail.category gone
changed CarePlan.activity.detail.category.coding.code edited
more CarePlan.activity.detail.code.coding added
changed CarePlan.activity.detail.code.text edited
changed CarePlan.activity.detail.description edited
changed CarePlan.activity.detail.extension.url lost
more CarePlan.activity.detail.extension[] lost
more CarePlan.activity.detail.location added
less CarePlan.activity.detail.productReference.reference gone
more CarePlan.activity.detail.status added
more CarePlan.activity.detail.statusReason added
more CarePlan.activity.extension lost
more CarePlan.author added
more CarePlan.category added
more CarePlan.contained._status team
more CarePlan.contained.category team
more CarePlan.contained.clinicalStatus team
less CarePlan.contained.description team
changed CarePlan.contained.id team
less CarePlan.contained.note team
more CarePlan.contained.participant team
changed CarePlan.contained.resourceType team
less CarePlan.contained.status team
less CarePlan.contained.subject team
less CarePlan.contained[] team
more CarePlan.contained[] team
more CarePlan.context added
more CarePlan.description added
more CarePlan.extension lost
changed CarePlan.goal.reference edited
more CarePlan.identifier added
less CarePlan.modified gone
less CarePlan.participant roles
changed CarePlan.period.end edited
more CarePlan.relatedPlan added
more Condition.abatementString added
changed Condition.category.coding.code edited
changed Condition.category.coding.display edited
changed Condition.category.coding.system edited
changed Condition.clinicalStatus edited
more Condition.clinicalStatus added
changed Condition.encounter.display edited
more Condition.extension lost
more Condition.identifier added
less Condition.onsetDateTime gone
more Condition.onsetString added
more Condition.stage.extension lost
more Coverage.contract added
more Coverage.extension lost
more Coverage.group added
changed Coverage.identifier.value edited
more Coverage.modifierExtension lost
more Coverage.network added
changed Coverage.plan edited
more Coverage.sequence added
more Coverage.subscriberId added
less Device.contact gone
less Device.identifier[] gone
less Device.lotNumber gone
less Device.manufacturer gone
less Device.model gone
less Device.note gone
less Device.status gone
less Device.type.coding gone
more Device.type.extension lost
changed Device.type.text edited
changed DocumentReference.authenticator.reference edited
less DocumentReference.contained.practitionerRole roles
more DocumentReference.content.attachment.creation added
more DocumentReference.content.attachment.title added
less DocumentReference.context.related.ref gone
more DocumentReference.context.related[] added
changed DocumentReference.custodian.reference edited
less DocumentReference.docStatus.coding.display edited
changed Encounter.class class
more Encounter.extension lost
more FamilyMemberHistory.condition.extension lost
more FamilyMemberHistory.condition.onsetQuantity.code added
changed FamilyMemberHistory.condition.onsetQuantity.unit edited
more FamilyMemberHistory.extension lost
more FamilyMemberHistory.gender added
more FamilyMemberHistory.identifier added
changed FamilyMemberHistory.relationship.coding.code system
more FamilyMemberHistory.relationship.coding.display edited
changed FamilyMemberHistory.relationship.coding.system system
changed Flag.category.coding.code system
changed Flag.category.coding.display system
changed Flag.category.coding.system system
changed Flag.category.text system
more Flag.identifier added
more Flag.period added
changed Flag.status edited
changed Goal.addresses.display edited
less Goal.addresses.reference gone
more Goal.author added
more Goal.category added
changed Goal.extension.url lost
more Goal.identifier added
more Goal.outcome added
more Goal.priority added
more Goal.startDate added
changed Goal.status edited
more Goal.statusDate added
more Goal.statusReason added
more Goal.targetDate added
less List.contained.extension lost
changed List.contained.extension.extension.url lost
changed List.contained.extension.extension.valueCodeableConcept.coding.code lost
changed List.contained.extension.extension.valueCodeableConcept.coding.display edited
more List.contained.extension.extension.valueReference lost
less List.contained.extension.extension.valueUri lost
changed List.contained.relationship.coding.code edited
changed List.contained.relationship.coding.display edited
more List.entry[] added
more Location.extension lost
changed Location.extension.url lost
changed Location.extension.valueString lost
more Location.extension[] lost
more Location.telecom.extension lost
more MedicationStatement.contained added
less MedicationStatement.dosage gone
less MedicationStatement.dosage.asNeededBoolean gone
more MedicationStatement.dosage.asNeededCodeableConcept added
more MedicationStatement.dosage.extension lost
less MedicationStatement.dosage.maxDosePerPeriod gone
less MedicationStatement.dosage.quantityQuantity gone
more MedicationStatement.dosage.quantityRange added
changed MedicationStatement.dosage.route.coding.code edited
changed MedicationStatement.dosage.route.coding.display edited
changed MedicationStatement.dosage.text edited
changed MedicationStatement.dosage.timing.repeat.frequency edited
more MedicationStatement.extension lost
more MedicationStatement.identifier added
more MedicationStatement.informationSource.display edited
changed MedicationStatement.informationSource.reference edited
more MedicationStatement.medicationCodeableConcept added
less MedicationStatement.medicationReference gone
changed MedicationStatement.medicationReference.reference edited
changed MedicationStatement.note edited
more MedicationStatement.patient.display edited
changed MedicationStatement.patient.reference edited
less MedicationStatement.reasonForUseCodeableConcept gone
changed MedicationStatement.reasonForUseCodeableConcept.coding.code edited
changed MedicationStatement.reasonForUseCodeableConcept.coding.display edited
less MedicationStatement.reasonNotTaken gone
changed MedicationStatement.status edited
more MedicationStatement.supportingInformation added
less MedicationStatement.wasNotTaken false
more Observation.category added
changed Observation.code.coding.code edited
changed Observation.code.coding.display edited
changed Observation.code.coding.system edited
more Observation.code.coding[] added
changed Observation.code.text edited
more Observation.component added
less Observation.contained gone
more Observation.effectiveDateTime added
more Observation.referenceRange.high added
less Observation.referenceRange.low gone
less Observation.related gone
changed Observation.valueQuantity.code edited
changed Observation.valueQuantity.system edited
more Organization.extension lost
less Organization.partOf gone
changed Patient.animal.breed.coding.system edited
changed Patient.careProvider.display edited
changed Patient.careProvider.reference edited
changed Patient.contact.relationship.coding.code contact
changed Patient.contact.relationship.coding.system contact
more Patient.contact.relationship.coding[] contact
less Patient.extension lost
more Patient.managingOrganization added
changed Practitioner.communication.coding.system system
less Practitioner.practitionerRole roles
more Procedure.extension lost
more Provenance.agent.actor.extension lost
less Provenance.agent.actor.reference gone
changed Provenance.agent.role.code edited
changed Provenance.agent.role.system edited
less Provenance.agent.userId gone
more Provenance.signature.extension lost
changed Provenance.signature.type.display edited
changed Provenance.signature.type.system edited
more RelatedPerson.modifierExtension lost
changed RelatedPerson.name._family.extension.url family
less RelatedPerson.name._family.extension.valueCode family
more RelatedPerson.name._family.extension.valueString family
less RelatedPerson.name._family[] family
changed RelatedPerson.name.family family
less RelatedPerson.name.family[] family
changed RelatedPerson.relationship.coding.code system
changed RelatedPerson.relationship.coding.system system
more Slot.extension lost
less Slot.type gone
more Specimen.treatment.additive added
more Specimen.treatment.extension lost
